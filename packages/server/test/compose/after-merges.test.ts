import { expect, it } from 'vitest'
import { afterMerges } from '#compose/kinds'
import type { Kind } from '#runners/kind'
import type { RunContext } from '#runners/runner'

function rig() {
  const began: string[] = []
  const merge = Promise.withResolvers<void>()
  const kind = { runner: { run: async ({ run }: RunContext) => void began.push(run.id) } }
  const ending = new AbortController()
  const context = { run: { id: 'r', project: 'p' }, signal: ending.signal } as unknown as RunContext
  const waiting = afterMerges(kind as unknown as Kind, {
    untilMerged: (project) => (project === 'p' ? merge.promise : Promise.resolve()),
  })
  return { began, merge, ending, running: waiting.runner.run(context) }
}

it('a run begins to work in its project once a merge into it is over', async () => {
  const { began, merge, running } = rig()
  await new Promise((resolve) => setImmediate(resolve))
  expect(began).toEqual([])
  merge.resolve()
  await running
  expect(began).toEqual(['r'])
})

it('a run that is to end does not wait for a merge', async () => {
  const { began, ending, running } = rig()
  ending.abort()
  await running
  expect(began).toEqual(['r'])
})
