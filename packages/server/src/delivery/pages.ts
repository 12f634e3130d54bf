/**
 * Pages of one log, read from the store for followers whose cursor is outside the ring.
 *
 * Owns the reads in flight and a few encoded pages. Followers at the same cursor share one read, and
 * followers that replay the same log one after the other share its pages: a page that is full can
 * never change, so it may be kept; a page that reached the head is handed out and forgotten.
 */
import type { LogBounds } from '@millrace/protocol'
import type { RingBudget, SegmentOwner } from './ring-budget.ts'
import { encodeSegment, type Segment } from './segment.ts'
import type { DeliverySource } from './source.ts'

/** Frames carry some forty bytes besides the JSON that the store counts: tiny events need a limit too. */
const maxEventsPerPage = 1024
const keptPages = 16

export interface Page {
  /** Null when the log had nothing after the cursor. */
  segment: Segment | null
  /** The log as of the same read. */
  bounds: LogBounds
}

export class Pages implements SegmentOwner {
  readonly #source: Pick<DeliverySource, 'readAfter'>
  readonly #runId: string
  readonly #maxBytes: number
  readonly #budget: RingBudget
  readonly #reads = new Map<number, Promise<Page | null>>()
  /** By the cursor before the page, oldest first. */
  readonly #kept = new Map<number, Segment>()
  readonly #counters: { pagesRead: number }
  #closed = false

  constructor(
    source: Pick<DeliverySource, 'readAfter'>,
    runId: string,
    options: { maxBytes: number; budget: RingBudget; counters: { pagesRead: number } },
  ) {
    this.#source = source
    this.#runId = runId
    this.#maxBytes = options.maxBytes
    this.#budget = options.budget
    this.#counters = options.counters
  }

  /** A page that was kept, at once. */
  known(after: number): Segment | undefined {
    return this.#kept.get(after)
  }

  /** Null: no such run any more. Rejects as the store does. */
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

  /** Nothing is kept any more, nor what is still being read. */
  close(): void {
    this.#closed = true
    for (const [after, kept] of this.#kept) this.#forget(after, kept)
  }

  async #read(after: number): Promise<Page | null> {
    this.#counters.pagesRead += 1
    const page = await this.#source.readAfter(this.#runId, {
      after,
      maxBytes: this.#maxBytes,
      maxEvents: maxEventsPerPage,
    })
    if (page === null) return null
    if (page.events.length === 0) return { segment: null, bounds: page.bounds }
    const segment = encodeSegment(page.events)
    // A page is filed under the cursor right before it; in a pruned log that is not the one asked for.
    if (segment.first === after + 1 && segment.last < page.bounds.head) this.#keep(after, segment)
    return { segment, bounds: page.bounds }
  }

  #keep(after: number, segment: Segment): void {
    if (this.#closed || this.#kept.has(after)) return
    if (this.#kept.size >= keptPages) {
      for (const [oldest, kept] of this.#kept) {
        this.#forget(oldest, kept)
        break
      }
    }
    this.#kept.set(after, segment)
    this.#budget.add(segment, this)
  }

  #forget(after: number, segment: Segment): void {
    this.#kept.delete(after)
    this.#budget.remove(segment)
  }
}
