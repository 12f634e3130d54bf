/**
 * Forgets what is old: the one way in which anything leaves the store.
 *
 * Owns nothing but the turn: passes happen one after the other. Invariants: a run that is not over is
 * never deleted; the newest event of a log, which may be its terminal one, is never dropped; each
 * piece is a short transaction, awaited before the next, so that appends go in between.
 */
import { MillraceError } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { CredentialStore } from '#store/credentials'
import type { Expendable, RetentionRule, RetentionStore } from '#store/store'

/** Absent: as it is configured. */
export interface PruneRequest {
  /** Runs that were over this many days ago are deleted. */
  days?: number | undefined
  /** Of every other log only so many events are kept, the newest; at least 1. */
  events?: number | undefined
  /** Count, and change nothing. */
  dryRun?: boolean | undefined
}

export interface Pruned {
  /** Runs that were deleted. */
  runs: number
  /** Events that went, with their runs or from the beginnings of logs. */
  events: number
  /** What the disk has back; the rest of the room stays in the file, for new events. Absent in a dry run. */
  bytes?: number
}

export interface RetentionParts {
  store: RetentionStore & {
    credentials: Pick<CredentialStore, 'sweep'>
  }
  /** As configured. */
  rule: { days: number; events?: number | undefined }
  now: () => number
  /** Told in one line what a pass has taken, when it has taken something. */
  log?: Pick<Logger, 'info'>
}

const dayMs = 86_400_000
/** Deletions that share a transaction. */
const together = 50

export class Retention {
  readonly #parts: RetentionParts
  #turn: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(parts: RetentionParts) {
    this.#parts = parts
  }

  /**
   * One pass over everything. Fails with `draining` when it is stopped in the middle (what it did is
   * done), and as the store does: with `storage_full` while the disk is.
   */
  prune(request: PruneRequest = {}): Promise<Pruned> {
    const pass = this.#turn.then(() => this.#pass(request))
    this.#turn = pass.catch(() => {})
    return pass
  }

  /** The pass under way ends after its piece, and no other begins. */
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
    // Also what a pass that was cut short has left.
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
      for (let start = 0; start < piece.found.length; start += together) {
        this.#check()
        yield piece.found.slice(start, start + together)
      }
      cursor = piece.nextCursor
    } while (cursor !== null)
  }

  /** What really went: somebody else may have been there first. */
  async #forget({ runId, throughSeq }: Expendable): Promise<{ runs: number; events: number }> {
    const { store } = this.#parts
    if (throughSeq !== null) return { runs: 0, events: await gone(store.prune(runId, throughSeq)) }
    const events = await store.deleteRun(runId)
    return events === null ? { runs: 0, events: 0 } : { runs: 1, events }
  }

  #check(): void {
    if (this.#stopped)
      throw new MillraceError('draining', 'The server is shutting down; pruning goes on later')
  }
}

/** A run that was deleted since it was looked at has nothing left to drop. */
async function gone(pruned: Promise<number>): Promise<number> {
  try {
    return await pruned
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not_found') return 0
    throw error
  }
}
