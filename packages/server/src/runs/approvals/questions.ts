/**
 * The questions that a caller's runs put to people and that nobody has answered: a fresh read of the store, with what each asks
 * from the log of its run.
 *
 * Owns the texts of questions that are still open, which never change, so that lists that are read often do not search logs
 * often. Invariant: they are of no more runs than a list has questions, whoever reads lists.
 */
import { type OpenQuestion, type PermissionRequestedEvent, permissionTypes } from '@millrace/protocol'
import type { ApprovalStore, LogStore, RunRecord, RunStore } from '#store/store'
import { windowsFromEnd } from './log-windows.ts'

/** Those that expire first. */
const questionsMax = 2000

type QuestionStore = Pick<RunStore, 'getRun'> &
  Pick<LogStore, 'readAfter'> &
  Pick<ApprovalStore, 'waitingApprovals'>

export class Questions {
  readonly #store: QuestionStore
  readonly #runsMax: number
  /** By run, then by approval. */
  readonly #texts = new Map<string, Map<string, PermissionRequestedEvent>>()

  constructor(store: QuestionStore, { runsMax = questionsMax }: { runsMax?: number } = {}) {
    this.#store = store
    this.#runsMax = runsMax
  }

  /** Of the runs of `owner`; of all runs without one. Those that expire first come first. */
  async open(owner: string | undefined): Promise<OpenQuestion[]> {
    const waiting = await this.#store.waitingApprovals({ owner, limit: questionsMax })
    const byRun = Map.groupBy(waiting, ({ runId }) => runId)
    if (owner === undefined && waiting.length < questionsMax) {
      for (const runId of this.#texts.keys()) if (!byRun.has(runId)) this.#texts.delete(runId)
    }
    const questions = await Promise.all(
      [...byRun].map(([runId, open]) => this.#ofRun(runId, new Set(open.map(({ id }) => id)))),
    )
    this.#forgetOldest()
    return questions.flat().sort((a, b) => a.expiresAt - b.expiresAt)
  }

  /** What an approval of a run asks for. Undefined: its log no longer has it. */
  async textOf(runId: string, approvalId: string): Promise<PermissionRequestedEvent | undefined> {
    const known = this.#texts.get(runId)?.get(approvalId)
    const run = known === undefined ? await this.#store.getRun(runId) : null
    return run === null ? known : (await this.#search(run, new Set([approvalId])))[0]
  }

  async #ofRun(runId: string, ids: ReadonlySet<string>): Promise<OpenQuestion[]> {
    const known = new Map([...(this.#texts.get(runId) ?? [])].filter(([id]) => ids.has(id)))
    const missing = new Set([...ids].filter((id) => !known.has(id)))
    const run = missing.size === 0 ? null : await this.#store.getRun(runId)
    if (run !== null) for (const text of await this.#search(run, missing)) known.set(text.approvalId, text)
    // At the end: those that no list had for the longest time come first.
    this.#texts.delete(runId)
    this.#texts.set(runId, known)
    return [...known.values()].map((text) => ({ ...text, runId }))
  }

  #forgetOldest(): void {
    for (const runId of this.#texts.keys()) {
      if (this.#texts.size <= this.#runsMax) return
      this.#texts.delete(runId)
    }
  }

  async #search(run: RunRecord, ids: Set<string>): Promise<PermissionRequestedEvent[]> {
    const found: PermissionRequestedEvent[] = []
    if (ids.size === 0) return found
    for await (const events of windowsFromEnd(run, this.#store, [permissionTypes.requested])) {
      const texts = events.map(({ json }) => JSON.parse(json) as PermissionRequestedEvent)
      found.push(...texts.filter(({ approvalId }) => ids.delete(approvalId)))
      if (ids.size === 0) break
    }
    return found
  }
}
