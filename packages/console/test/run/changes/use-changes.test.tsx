import type { Client } from '@millrace/client'
import type { RunChangesResponse } from '@millrace/protocol'
import { MillraceProvider } from '@millrace/react'
import { act } from 'react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { mount } from '../../../../react/test/support/mount.tsx'
import { useChanges } from '../../../src/run/changes/use-changes.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('a change that is made while the changes are read is read after them', async () => {
  const answers: (() => void)[] = []
  const asked = () => new Promise((answer) => void answers.push(() => answer(changedFiles(answers.length))))
  const client = { changes: asked } as unknown as Client
  function Count({ version }: { version: number }) {
    return useChanges('a run', version).changes?.files.length ?? 'none'
  }
  const page = (version: number) => (
    <MillraceProvider client={client}>
      <Count version={version} />
    </MillraceProvider>
  )
  const later = () => act(() => vi.advanceTimersByTimeAsync(3000))
  const { container, render } = await mount(page(0))
  await later()
  await render(page(1))
  await render(page(2))
  await act(async () => answers[0]?.())
  expect(container.textContent).toBe('1')
  await later()
  await act(async () => answers[1]?.())
  expect(container.textContent).toBe('2')
  await later()
  expect(answers.length).toBe(2)
})

function changedFiles(count: number): RunChangesResponse {
  const file = { status: 'added', additions: 1, deletions: 0, diff: '' } as const
  const files = Array.from({ length: count }, (_, index) => ({ path: `file-${index}`, ...file }))
  return { files, filesLeftOut: 0, commands: [], commandsLeftOut: 0, costUsd: null, complete: true }
}
