import type { Sandbox } from '@millrace/sandbox'
import { expect, it } from 'vitest'
import { reportingSandbox } from '#runs/reporting-sandbox'

type Command = Parameters<Sandbox['spawn']>[0]

/** The paths that a run's log names for what was taken from it and for what was held back. */
async function pathsShown(path: string): Promise<unknown[]> {
  const shown: unknown[] = []
  const sandbox = {
    report: {},
    close: async () => {},
    spawn: async ({ onTakenAway, onHeldBack }: Command) => {
      onTakenAway?.({ path, keptAt: '/data/quarantine/1' })
      onHeldBack?.({ path, settings: ['alias.x'] })
    },
  } as unknown as Sandbox
  const reporting = reportingSandbox(sandbox, ({ data }) => {
    const { path: named, message } = data as { path: string; message: string }
    expect(message).toContain(` ${named} `)
    shown.push(named)
  })
  await reporting.spawn({ projectPath: '/srv/web' } as Command)
  return shown
}

it('the log names what is taken from a project by its path in the project', async () => {
  expect(await pathsShown('/srv/web/.git/config')).toEqual(['.git/config', '.git/config'])
})

it('the log names what is taken from the repository of a linked working tree by its whole path', async () => {
  const path = '/repositories/web/.git/worktrees/one/rebase-merge'
  // Seen as ../../repositories/….
  expect(await pathsShown(path)).toEqual([path, path])
})
