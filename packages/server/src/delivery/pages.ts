/**
 * Pages of one log, read from the store for followers whose cursor is outside the ring.
 *
 * Owns the reads in flight and a few encoded pages. Followers at the same cursor share one read, and
 * followers that replay the same log one after the other share its pages: a page that ends before the
 * head can never change, so it may be kept; a page that reaches the head is handed out and forgotten.
 */
import type { LogBounds } from '@millrace/protocol'
import type { Dialect } from './dialect.ts'
import type { RingBudget, SegmentOwner } from './ring-budget.ts'
import { encodeSegment, type Segment } from './segment.ts'
import type { LogSource } from './source.ts'

/** Frames carry some forty bytes besides the JSON that the store counts: tiny events need a limit too. */
const pageEventsMax = 1024
const keptPagesMax = 16

export interface Page {
  /** Null when the log had nothing after the cursor. */
  segment: Segment | null
  /** The log as of the same read. */
  bounds: LogBounds
}

export interface PagesParts {
  source: Pick<LogSource, 'readAfter'>
  budget: RingBudget
  batchBytes: number
  counters: { pagesRead: number }
}

export class Pages implements SegmentOwner {
  readonly #runId: string
  readonly #dialect: Dialect
  readonly #parts: PagesParts
  readonly #reads = new Map<number, Promise<Page | null>>()
  /** By the cursor before the page, oldest first. */
  readonly #kept = new Map<number, Segment>()
  #closed = false

  constructor(runId: string, dialect: Dialect, parts: PagesParts) {
    this.#runId = runId
    this.#dialect = dialect
    this.#parts = parts
  }

  /** Returns a page that was kept, at once. */
  known(after: number): Segment | undefined {
    return this.#kept.get(after)
  }

  /** Null: the run no longer exists. Rejects as the store does. */
  read(after: number): Promise<Page | null> {
    const underway = this.#reads.get(after)
    if (underway !== undefined) return underway
    const read = this.#read(after).finally(() => this.#reads.delete(after))
    this.#reads.set(after, read)
    return read
  }

  evict(segment: Segment): void {
    const after = segment.first - 1
    if (this.#kept.get(after) === segment) this.#forget(after, segment)
  }

  /** Drops what is kept; pages still being read are not kept either. */
  close(): void {
    this.#closed = true
    for (const [after, kept] of this.#kept) this.#forget(after, kept)
  }

  async #read(after: number): Promise<Page | null> {
    const { source, counters, batchBytes } = this.#parts
    counters.pagesRead += 1
    const page = await source.readAfter(this.#runId, {
      after,
      maxBytes: batchBytes,
      maxEvents: pageEventsMax,
    })
    if (page === null) return null
    if (page.events.length === 0) return { segment: null, bounds: page.bounds }
    const { closed, head } = page.bounds
    const segment = encodeSegment(page.events, this.#dialect, closed ? head : null)
    // A page is filed under the cursor right before it; in a pruned log that is not the requested one.
    if (segment.first === after + 1 && segment.last < head) this.#keep(after, segment)
    return { segment, bounds: page.bounds }
  }

  #keep(after: number, segment: Segment): void {
    if (this.#closed || this.#kept.has(after)) return
    if (this.#kept.size >= keptPagesMax) {
      for (const [oldest, kept] of this.#kept) {
        this.#forget(oldest, kept)
        break
      }
    }
    this.#kept.set(after, segment)
    this.#parts.budget.add(segment, this)
  }

  #forget(after: number, segment: Segment): void {
    this.#kept.delete(after)
    this.#parts.budget.remove(segment)
  }
}
