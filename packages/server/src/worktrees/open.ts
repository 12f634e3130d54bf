/** The worktrees of the server: where they lie, and which places runs have taken. */
import { mkdirSync, realpathSync } from 'node:fs'
import { openStates } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { Logger } from 'pino'
import type { Config } from '#config/config'
import type { Store } from '#store/store'
import { WorktreePlaces } from './places.ts'
import { Registry } from './registry.ts'
import { Worktrees } from './worktrees.ts'

interface OpenWorktreesParts {
  config: Pick<Config, 'dataDir' | 'projects' | 'worktrees'>
  store: Pick<Store, 'listRuns'>
  sandbox: Pick<Sandbox, 'spawn'>
  now: () => number
  log: Logger
}

export function openWorktrees({ config, store, sandbox, now, log }: OpenWorktreesParts): Worktrees {
  const { dataDir, projects, worktrees } = config
  return new Worktrees({
    registry: new Registry(dataDir),
    places: new WorktreePlaces(dataDir, worktrees.directory && realDirectory(worktrees.directory)),
    projects,
    sandbox,
    limits: worktrees,
    takenBy: (place) => takenBy(store, place),
    now,
    log,
  })
}

function realDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o711 })
  return realpathSync(path)
}

const pageRuns = 100

/** A run that waits for its answer without a process is open as well. */
async function takenBy(
  store: Pick<Store, 'listRuns'>,
  { project, branch }: { project: string; branch: string | null },
): Promise<string | null> {
  for (const kind of ['session', 'execution'] as const) {
    for (const state of openStates) {
      let cursor: string | undefined
      do {
        const page = await store.listRuns({ project, kind, state, limit: pageRuns, cursor })
        const here = page.runs.find(({ spec, attempt }) => (spec.worktree ?? null) === branch && attempt > 0)
        if (here !== undefined) return here.id
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
    }
  }
  return null
}
