/**
 * Turns the store's commits into changes of records: a chatty run is one change in 250 ms, with the run
 * as it then is.
 *
 * Owns its subscription to the store, and what was committed of a run and not yet sent. Invariants: the
 * changes of one run are `create`, `update`s, `delete`, in this order; the last state is always sent;
 * what is sent is on disk. Nothing is read while nobody listens.
 */
import type { Run } from '@millrace/protocol'
import { type Commit, type CommitFeed, publicRun, type RunStore } from '#store/store'
import type { Clock } from '#time/clock'
import { Throttle } from '#time/throttle'
import type { RecordAction } from './message.ts'

export interface RunChange {
  action: RecordAction
  run: Run
  /** True for the one change that brings the end of the run. */
  finished: boolean
  /** False if another node wrote it: it is news for clients of this node, and its own embedding program knows. */
  here: boolean
}

export interface RunChangesParts {
  store: Pick<RunStore, 'getRun'> & CommitFeed
  clock: Clock
  intervalMs: number
  retryMs: number
  /** Whether anybody listens to changes of runs. */
  wanted: () => boolean
  send: (change: RunChange) => void
  onFailure: (error: unknown) => void
  /** Called with each run that this node deleted: other nodes cannot look it up. */
  deletedHere?: (run: Run) => void
}

interface Unsent {
  created: boolean
  finished: boolean
  here: boolean
}

export class RunChanges {
  readonly #parts: RunChangesParts
  readonly #unsent = new Map<string, Unsent>()
  /** What the read under way will send. */
  readonly #beingRead = new Map<string, Unsent>()
  readonly #throttle: Throttle
  readonly #release: () => void

  constructor(parts: RunChangesParts) {
    this.#parts = parts
    const { clock, intervalMs, retryMs, onFailure } = parts
    this.#throttle = new Throttle({
      clock,
      intervalMs,
      retryMs,
      onFailure,
      work: (runId) => this.#read(runId),
    })
    this.#release = parts.store.onCommit((commit) => this.#committed(commit))
  }

  /** Sends the changes that are still due. */
  flush(): Promise<void> {
    return this.#throttle.flush()
  }

  close(): void {
    this.#release()
    this.#throttle.close()
    this.#unsent.clear()
    this.#beingRead.clear()
  }

  #committed({ runId, change, closed, last, elsewhere }: Commit): void {
    if (change === 'deleted') {
      // The node that deleted it says in a letter what it was.
      if (elsewhere) return
      if (last !== undefined) this.#parts.deletedHere?.(publicRun(last))
      this.#deleted(runId, last && publicRun(last), true)
      return
    }
    // Only the start of its log was pruned: the record is unchanged.
    if ((change === 'updated' && closed) || !this.#parts.wanted()) return
    const unsent = this.#unsent.get(runId) ?? { created: false, finished: false, here: false }
    unsent.here ||= !elsewhere
    unsent.created ||= change === 'created'
    unsent.finished ||= change === 'finished'
    this.#unsent.set(runId, unsent)
    this.#throttle.request(runId)
  }

  deletedElsewhere(run: Run): void {
    this.#deleted(run.id, run, false)
  }

  async #read(runId: string): Promise<void> {
    const unsent = this.#unsent.get(runId)
    if (unsent === undefined) return
    // A commit during the read may not show in it: it is sent the next time.
    this.#unsent.delete(runId)
    this.#beingRead.set(runId, unsent)
    try {
      const run = await this.#parts.store.getRun(runId)
      // Deleted meanwhile, which was sent.
      if (this.#beingRead.get(runId) !== unsent || run === null) return
      this.#send(unsent.created ? 'create' : 'update', publicRun(run), unsent)
    } catch (error) {
      if (this.#beingRead.get(runId) === unsent)
        this.#unsent.set(runId, join(unsent, this.#unsent.get(runId)))
      throw error
    } finally {
      if (this.#beingRead.get(runId) === unsent) this.#beingRead.delete(runId)
    }
  }

  #deleted(runId: string, last: Run | undefined, here: boolean): void {
    this.#throttle.forget(runId)
    const { created, finished } = join(this.#beingRead.get(runId), this.#unsent.get(runId))
    this.#beingRead.delete(runId)
    this.#unsent.delete(runId)
    if (last === undefined || !this.#parts.wanted()) return
    if (created) this.#send('create', last, { finished, here })
    else if (finished) this.#send('update', last, { finished, here })
    this.#send('delete', last, { finished: false, here })
  }

  #send(action: RecordAction, run: Run, { finished, here }: Omit<RunChange, 'action' | 'run'>): void {
    this.#parts.send({ action, run, finished, here })
  }
}

function join(one: Unsent | undefined, other: Unsent | undefined): Unsent {
  return {
    created: (one?.created ?? false) || (other?.created ?? false),
    finished: (one?.finished ?? false) || (other?.finished ?? false),
    here: (one?.here ?? false) || (other?.here ?? false),
  }
}
