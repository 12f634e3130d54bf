/**
 * From the store's commits to changes of records: a chatty run is one change in 250 ms, with the run as it
 * then is.
 *
 * Owns its subscription to the store, and what was committed of a run and not yet told. Invariants: of
 * one run come `create`, `update`s, `delete`, in this order; the last state is always told; what was
 * told is on disk. Nothing is read while nobody wants to know.
 */
import type { Run } from '@millrace/protocol'
import { type Commit, type CommitFeed, publicRun, type RunRecord, type RunStore } from '#store/store'
import type { Clock } from '#time/clock'
import type { RecordAction } from './message.ts'
import { Paced } from './paced.ts'

export interface RunChange {
  action: RecordAction
  run: Run
  /** True with the one change that tells the end of the run. */
  finished: boolean
}

export interface RunChangesParts {
  store: Pick<RunStore, 'getRun'> & CommitFeed
  clock: Clock
  intervalMs: number
  retryMs: number
  /** Does anybody want to know of any run? */
  wanted: () => boolean
  tell: (change: RunChange) => void
  onFailure: (error: unknown) => void
}

interface Untold {
  created: boolean
  finished: boolean
}

export class RunChanges {
  readonly #parts: RunChangesParts
  readonly #untold = new Map<string, Untold>()
  /** What the read that is under way will tell. */
  readonly #beingRead = new Map<string, Untold>()
  readonly #paced: Paced
  readonly #release: () => void

  constructor(parts: RunChangesParts) {
    this.#parts = parts
    const { clock, intervalMs, retryMs, onFailure } = parts
    this.#paced = new Paced({ clock, intervalMs, retryMs, onFailure, work: (runId) => this.#read(runId) })
    this.#release = parts.store.onCommit((commit) => this.#committed(commit))
  }

  /** Tells what is left to tell. */
  flush(): Promise<void> {
    return this.#paced.flush()
  }

  close(): void {
    this.#release()
    this.#paced.close()
    this.#untold.clear()
    this.#beingRead.clear()
  }

  #committed({ runId, change, closed, last }: Commit): void {
    if (change === 'deleted') {
      this.#deleted(runId, last)
      return
    }
    // Beginnings of its log went: the record is what it was.
    if ((change === 'updated' && closed) || !this.#parts.wanted()) return
    const untold = this.#untold.get(runId) ?? { created: false, finished: false }
    untold.created ||= change === 'created'
    untold.finished ||= change === 'finished'
    this.#untold.set(runId, untold)
    this.#paced.want(runId)
  }

  async #read(runId: string): Promise<void> {
    const untold = this.#untold.get(runId)
    if (untold === undefined) return
    // What is committed while this reads may not be in what is read: it is told the next time.
    this.#untold.delete(runId)
    this.#beingRead.set(runId, untold)
    try {
      const run = await this.#parts.store.getRun(runId)
      // Deleted meanwhile, which was told.
      if (this.#beingRead.get(runId) !== untold || run === null) return
      this.#tell(untold.created ? 'create' : 'update', run, untold.finished)
    } catch (error) {
      if (this.#beingRead.get(runId) === untold)
        this.#untold.set(runId, join(untold, this.#untold.get(runId)))
      throw error
    } finally {
      if (this.#beingRead.get(runId) === untold) this.#beingRead.delete(runId)
    }
  }

  #deleted(runId: string, last: RunRecord | undefined): void {
    this.#paced.forget(runId)
    const { created, finished } = join(this.#beingRead.get(runId), this.#untold.get(runId))
    this.#beingRead.delete(runId)
    this.#untold.delete(runId)
    if (last === undefined || !this.#parts.wanted()) return
    if (created) this.#tell('create', last, finished)
    else if (finished) this.#tell('update', last, true)
    this.#tell('delete', last, false)
  }

  #tell(action: RecordAction, record: RunRecord, finished: boolean): void {
    this.#parts.tell({ action, run: publicRun(record), finished })
  }
}

function join(one: Untold | undefined, other: Untold | undefined): Untold {
  return {
    created: (one?.created ?? false) || (other?.created ?? false),
    finished: (one?.finished ?? false) || (other?.finished ?? false),
  }
}
