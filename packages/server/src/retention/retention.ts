/**
 * Deletes what is old: the only way in which anything leaves the store, and with it what the disk keeps of a run.
 *
 * Owns only the turn: passes run one after another. Invariants: an open run is never deleted; the newest
 * event of a log, which may be its terminal one, is never dropped; nothing of a log is while a question of its run is open; each
 * piece is a short transaction, awaited before the next, so that appends can run in between.
 */
import { MillraceError } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { CredentialStore } from '#store/credentials'
import type { ApprovalStore, Expendable, RetentionRule, RetentionStore, RunStore } from '#store/store'

/** Absent fields take the configured value. */
export interface PruneRequest {
  /** Deletes runs that ended at least this many days ago. */
  days?: number | undefined
  /** Keeps only this many events of every other log, the newest; at least 1. */
  events?: number | undefined
  /** Counts, and changes nothing. */
  dryRun?: boolean | undefined
}

export interface Pruned {
  /** The number of deleted runs. */
  runs: number
  /** The number of deleted events, with their runs or from the beginnings of logs. */
  events: number
  /** Bytes returned to the disk; other freed space stays in the file, for new events. Absent in a dry run. */
  bytes?: number
}

/** What lies on the disk of some runs, by their ids. */
export interface KeptOfRuns {
  list(): string[]
  forget(runId: string): void
}

export interface RetentionParts {
  store: RetentionStore &
    Pick<RunStore, 'getRun'> &
    Pick<ApprovalStore, 'openApprovals'> & {
      credentials: Pick<CredentialStore, 'sweep'>
    }
  /** As configured. */
  rule: { days: number; events?: number | undefined }
  now: () => number
  /** Forgotten with their runs. Default: nothing. */
  kept?: readonly KeptOfRuns[]
  /** What else a pass removes, besides runs and what is kept of them. Default: nothing. */
  also?: () => Promise<void>
  /** Receives one line for each pass that deleted something. */
  log?: Pick<Logger, 'info'>
}

const dayMs = 86_400_000
/** How many deletions share a transaction. */
const pieceRunsMax = 50

export class Retention {
  readonly #parts: RetentionParts
  #turn: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(parts: RetentionParts) {
    this.#parts = parts
  }

  /**
   * Runs one pass over everything. Fails with `draining` when it is stopped midway (deleted is deleted), and
   * like the store: with `storage_full` while the disk is full.
   */
  prune(request: PruneRequest = {}): Promise<Pruned> {
    const pass = this.#turn.then(() => this.#pass(request))
    this.#turn = pass.catch(() => {})
    return pass
  }

  /** Ends the current pass after its piece; no other begins. */
  stop(): void {
    this.#stopped = true
  }

  async #pass({ days, events, dryRun = false }: PruneRequest): Promise<Pruned> {
    const { store, rule: configured, now } = this.#parts
    const rule = {
      finishedBefore: now() - (days ?? configured.days) * dayMs,
      events: events ?? configured.events ?? null,
    }
    if (dryRun) return this.#count(rule)
    this.#check()
    await store.credentials.sweep(now())
    const done = { runs: 0, events: 0, bytes: 0 }
    for await (const found of this.#pieces(rule)) {
      const took = await Promise.all(found.map((one) => this.#forget(one)))
      for (const { runs, events } of took) {
        done.runs += runs
        done.events += events
      }
    }
    await this.#forgetKept()
    this.#check()
    await this.#parts.also?.()
    // Includes the space that an interrupted pass left behind.
    for (let more = true; more; ) {
      this.#check()
      const freed = await store.reclaim()
      done.bytes += freed.bytes
      more = freed.more
    }
    if (done.runs + done.events > 0) this.#parts.log?.info(done, 'pruned')
    return done
  }

  async #count(rule: RetentionRule): Promise<Pruned> {
    const sum = { runs: 0, events: 0 }
    for await (const found of this.#pieces(rule)) {
      for (const { throughSeq, events } of found) {
        sum.runs += throughSeq === null ? 1 : 0
        sum.events += events
      }
    }
    return sum
  }

  async *#pieces(rule: RetentionRule): AsyncGenerator<Expendable[]> {
    let cursor: string | null = null
    do {
      this.#check()
      const piece: Awaited<ReturnType<RetentionStore['expendable']>> = await this.#parts.store.expendable(
        rule,
        cursor,
      )
      for (let start = 0; start < piece.found.length; start += pieceRunsMax) {
        this.#check()
        yield piece.found.slice(start, start + pieceRunsMax)
      }
      cursor = piece.nextCursor
    } while (cursor !== null)
  }

  /** Returns what was really deleted: another process may have been first. */
  async #forget({ runId, throughSeq }: Expendable): Promise<{ runs: number; events: number }> {
    const { store } = this.#parts
    if (throughSeq !== null) return { runs: 0, events: await this.#dropEvents(runId, throughSeq) }
    const events = await store.deleteRun(runId)
    return events === null ? { runs: 0, events: 0 } : { runs: 1, events }
  }

  async #dropEvents(runId: string, throughSeq: number): Promise<number> {
    const { store } = this.#parts
    // Only the log says what a question asks, and which values its form takes. One that is asked from now on is newer than these.
    const open = await store.openApprovals(runId)
    return open.length > 0 ? 0 : gone(store.prune(runId, throughSeq))
  }

  /** Also what an interrupted pass, or a server that was killed, left behind. */
  async #forgetKept(): Promise<void> {
    for (const kept of this.#parts.kept ?? []) {
      for (const runId of kept.list()) {
        this.#check()
        if ((await this.#parts.store.getRun(runId)) === null) kept.forget(runId)
      }
    }
  }

  #check(): void {
    if (this.#stopped)
      throw new MillraceError('draining', 'The server is shutting down; pruning resumes later')
  }
}

/** A run that was deleted in the meantime has nothing left to drop. */
async function gone(pruned: Promise<number>): Promise<number> {
  try {
    return await pruned
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not_found') return 0
    throw error
  }
}
