/**
 * The questions that a caller's runs put to people and that nobody has answered: a fresh read of the store, with what each asks
 * from the log of its run.
 *
 * Owns the texts of questions that are still open, which never change, so that lists that are read often do not search logs
 * often.
 */
import {
  isFinal,
  type OpenQuestion,
  type PermissionRequestedEvent,
  permissionTypes,
  type RunKind,
} from '@millrace/protocol'
import type { ApprovalStore, LogStore, RunRecord, RunStore } from '#store/store'

/** Kinds whose runs ask. */
const asking: readonly RunKind[] = ['session', 'execution']
const runsMax = 200
/** A question stands near the end of its log, since most agents wait for the answer. */
const windowEvents = 500
const windowBytes = 4 * 1024 * 1024

type QuestionStore = Pick<RunStore, 'listRuns'> &
  Pick<LogStore, 'readAfter'> &
  Pick<ApprovalStore, 'openApprovals'>

export class Questions {
  readonly #store: QuestionStore
  /** By run, then by approval. */
  readonly #texts = new Map<string, Map<string, PermissionRequestedEvent>>()

  constructor(store: QuestionStore) {
    this.#store = store
  }

  /** Of the runs of `owner`; of all runs without one. The oldest first. */
  async open(owner: string | undefined): Promise<OpenQuestion[]> {
    const running = await Promise.all(
      asking.map((kind) => this.#store.listRuns({ kind, state: 'running', owner, limit: runsMax })),
    )
    const questions = await Promise.all(running.flatMap(({ runs }) => runs).map((run) => this.#ofRun(run)))
    return questions.flat().sort((a, b) => a.expiresAt - b.expiresAt)
  }

  async #ofRun(run: RunRecord): Promise<OpenQuestion[]> {
    const open = isFinal(run.state) ? [] : await this.#store.openApprovals(run.id)
    if (open.length === 0) {
      this.#texts.delete(run.id)
      return []
    }
    const ids = new Set(open.map(({ id }) => id))
    const known = new Map([...(this.#texts.get(run.id) ?? [])].filter(([id]) => ids.has(id)))
    const missing = new Set([...ids].filter((id) => !known.has(id)))
    if (missing.size > 0)
      for (const text of await this.#search(run, missing)) known.set(text.approvalId, text)
    this.#texts.set(run.id, known)
    return [...known.values()].map((text) => ({ ...text, runId: run.id }))
  }

  /** Searches the log from its end, window by window. */
  async #search(run: RunRecord, ids: Set<string>): Promise<PermissionRequestedEvent[]> {
    const found: PermissionRequestedEvent[] = []
    // Events may have been added since the record was read.
    let until = Number.POSITIVE_INFINITY
    for (let after = Math.max(run.head - windowEvents, 0); ids.size > 0; ) {
      found.push(...(await this.#requested(run.id, after, until, ids)))
      if (after === 0) break
      until = after
      after = Math.max(after - windowEvents, 0)
    }
    return found
  }

  async #requested(
    runId: string,
    after: number,
    until: number,
    ids: Set<string>,
  ): Promise<PermissionRequestedEvent[]> {
    const found: PermissionRequestedEvent[] = []
    for (let cursor = after; cursor < until; ) {
      const page = await this.#store.readAfter(runId, { after: cursor, maxBytes: windowBytes })
      for (const event of page?.events ?? []) {
        if (event.type !== permissionTypes.requested) continue
        const text = JSON.parse(event.json) as PermissionRequestedEvent
        if (ids.delete(text.approvalId)) found.push(text)
      }
      const last = page?.events.at(-1)
      if (last === undefined) break
      cursor = last.seq
    }
    return found
  }
}
