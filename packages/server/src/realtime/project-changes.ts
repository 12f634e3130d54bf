/**
 * Records of projects: a project as one user, or an admin, sees it. It changes when a run changes that
 * they may see, so that it tells nobody anything about runs of others.
 *
 * Owns only what is to be sent next. Counts are read from the store, and stop at `countMax`, which
 * means "as many or more".
 */
import type { RunKind, RunState } from '@millrace/protocol'
import type { RunStore } from '#store/store'
import type { Clock } from '#time/clock'
import { Throttle } from '#time/throttle'

/** Whom a record is for: the admins (null), or one user. */
export interface Audience {
  readonly user: string | null
}

export interface ProjectRecord {
  id: string
  /** Queued runs; 100 means 100 or more. */
  queued: number
  /** Runs that are starting or running; 100 means 100 or more. */
  active: number
  lastRun: { id: string; kind: RunKind; state: RunState; createdAt: number; finishedAt: number | null } | null
}

export const countMax = 100

export interface ProjectChangesParts {
  store: Pick<RunStore, 'listRuns'>
  clock: Clock
  intervalMs: number
  retryMs: number
  send: (audience: Audience, record: ProjectRecord) => void
  onFailure: (error: unknown) => void
}

export class ProjectChanges {
  readonly #parts: ProjectChangesParts
  readonly #throttle: Throttle

  constructor(parts: ProjectChangesParts) {
    this.#parts = parts
    const { clock, intervalMs, retryMs, onFailure } = parts
    this.#throttle = new Throttle({ clock, intervalMs, retryMs, onFailure, work: (key) => this.#read(key) })
  }

  changed(project: string, audience: Audience): void {
    this.#throttle.request(JSON.stringify([project, audience.user]))
  }

  flush(): Promise<void> {
    return this.#throttle.flush()
  }

  close(): void {
    this.#throttle.close()
  }

  async #read(key: string): Promise<void> {
    const [project, user] = JSON.parse(key) as [string, string | null]
    const { store, send } = this.#parts
    const owner = user ?? undefined
    const found = async (state: RunState | undefined, limit: number) =>
      (await store.listRuns({ project, owner, state, limit })).runs
    const [queued, starting, running, newest] = await Promise.all([
      found('queued', countMax),
      found('starting', countMax),
      found('running', countMax),
      found(undefined, 1),
    ])
    const last = newest[0]
    send(
      { user },
      {
        id: project,
        queued: queued.length,
        active: Math.min(starting.length + running.length, countMax),
        lastRun:
          last === undefined
            ? null
            : {
                id: last.id,
                kind: last.kind,
                state: last.state,
                createdAt: last.createdAt,
                finishedAt: last.finishedAt,
              },
      },
    )
  }
}
