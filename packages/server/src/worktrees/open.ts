/** The worktrees of the server: where they lie, and when an agent is at work in a project itself. */
import { mkdirSync, realpathSync } from 'node:fs'
import type { RunState } from '@millrace/protocol'
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
    isBusy: (project) => isBusy(store, project),
    now,
    log,
  })
}

function realDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o711 })
  return realpathSync(path)
}

const open: readonly RunState[] = ['starting', 'running']
const pageRuns = 100

/** Queued runs have not begun: they find the project as it will be then. */
async function isBusy(store: Pick<Store, 'listRuns'>, project: string): Promise<boolean> {
  for (const kind of ['session', 'execution'] as const) {
    for (const state of open) {
      let cursor: string | undefined
      do {
        const page = await store.listRuns({ project, kind, state, limit: pageRuns, cursor })
        if (page.runs.some(({ spec }) => spec.worktree === undefined)) return true
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
    }
  }
  return false
}
