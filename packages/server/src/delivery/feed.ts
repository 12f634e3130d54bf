/**
 * A feed: one run, as it is followed on this node in one dialect.
 *
 * Owns the run's ring and page cache, what is known of its head, and the set of its followers; it
 * exists only while it has followers. Invariants: `head` never goes back; `closed` speaks of `head`;
 * `take` is right whatever wake-ups were lost, repeated or came out of order, since a frame enters the
 * ring only if it continues the tail, and everything else is read from the store.
 */
import type { LogBounds } from '@millrace/protocol'
import type { FairQueue } from '#sse/fair-queue'
import type { Clock } from '#time/clock'
import type { Wakeup, WakeupListener, Wakeups } from '#wakeups/wakeups'
import type { Dialect } from './dialect.ts'
import { type Page, Pages } from './pages.ts'
import { Ring } from './ring.ts'
import type { RingBudget } from './ring-budget.ts'
import { type Batch, cutBatch, encodeSegment, type Segment, type TypeFilter } from './segment.ts'
import type { LogSource } from './source.ts'

export interface FeedParts {
  source: LogSource
  wakeups: Pick<Wakeups, 'listen'>
  turns: FairQueue
  clock: Clock
  budget: RingBudget
  ringBytes: number
  batchBytes: number
  counters: { pagesRead: number }
}

/** Remembered sets of types. */
const filtersMax = 64

/** Woken when there may be more to read. */
export interface Wakeable {
  wake(): void
}

export class Feed implements WakeupListener {
  /** How its events look on a stream. */
  readonly dialect: Dialect
  readonly #runId: string
  readonly #parts: FeedParts
  readonly #ring: Ring
  readonly #pages: Pages
  readonly #followers = new Set<Wakeable>()
  readonly #filters = new Map<string, TypeFilter>()
  readonly #stopListening: () => void
  readonly #forgetCuts = () => this.#ring.forgetCuts()
  #head = 0
  #closed = false
  #gone = false
  #heardAt: number
  #looking: Promise<void> | null = null
  /** A look that starts once the one under way is over. */
  #lookingAgain: Promise<void> | null = null

  /** Hears wake-ups from here on, so that none is lost between the first read and the first follower. */
  constructor(runId: string, dialect: Dialect, parts: FeedParts) {
    this.dialect = dialect
    this.#runId = runId
    this.#parts = parts
    this.#ring = new Ring(parts.ringBytes, parts.budget)
    this.#pages = new Pages(runId, dialect, parts)
    this.#heardAt = parts.clock.now()
    this.#stopListening = parts.wakeups.listen(runId, this)
  }

  get head(): number {
    return this.#head
  }

  /** True when the event at `head` is the terminal one. */
  get closed(): boolean {
    return this.#closed
  }

  /** True when the run was deleted. */
  get gone(): boolean {
    return this.#gone
  }

  add(follower: Wakeable): void {
    this.#followers.add(follower)
  }

  remove(follower: Wakeable): void {
    this.#followers.delete(follower)
  }

  /** Returns the same filter for the same set of types, so that followers share the batches cut for it. */
  filterFor(types: readonly string[] | undefined): TypeFilter | null {
    const wanted = [...new Set((types ?? []).filter((type) => type !== ''))].sort()
    if (wanted.length === 0) return null
    const key = JSON.stringify(wanted)
    const filter = this.#filters.get(key) ?? { types: new Set(wanted) }
    // The types are a client's text: those it makes up without end are served, but not remembered.
    if (this.#filters.size < filtersMax) this.#filters.set(key, filter)
    return filter
  }

  /** Takes in the result of a fresh read of the store. */
  observe(bounds: Pick<LogBounds, 'head' | 'closed'>): void {
    if (bounds.head > this.#head) {
      this.#head = bounds.head
      this.#closed = bounds.closed
    } else if (bounds.head === this.#head && bounds.closed) {
      this.#closed = true
    }
  }

  /** Returns the frames after a cursor, from memory; null when they must be read. */
  take(after: number, filter: TypeFilter | null): Batch | null {
    const cut = { after, filter, maxBytes: this.#parts.batchBytes, terminal: this.#terminal() }
    const batch = this.#ring.take(cut)
    if (batch !== null) {
      this.#parts.turns.whenIdle(this.#forgetCuts)
      return batch
    }
    const page = this.#pages.known(after)
    return page === undefined ? null : cutBatch([page], 0, { ...cut, maxBytes: Number.POSITIVE_INFINITY })
  }

  /** Reads the events after a cursor; null when the run is gone. Followers at one cursor share the read. */
  async read(after: number): Promise<Page | null> {
    const page = await this.#pages.read(after)
    if (page === null) return null
    this.observe(page.bounds)
    if (page.segment !== null) this.#adopt(page.segment)
    return page
  }

  /** Cuts a follower's batch from a page it read. */
  cut(page: Page, after: number, filter: TypeFilter | null): Batch | null {
    if (page.segment === null) return null
    const maxBytes = Number.POSITIVE_INFINITY
    return cutBatch([page.segment], 0, { after, filter, maxBytes, terminal: this.#terminal() })
  }

  woken(wakeup: Wakeup): void {
    this.#heardAt = this.#parts.clock.now()
    if (wakeup.deleted) this.#gone = true
    this.#accept(wakeup)
    this.observe(wakeup)
    this.#wake()
  }

  /** Looks at the store after a silence: a wake-up may have been lost. */
  recheckAfter(silenceMs: number): void {
    // Beats come a little early or late; a tenth of an interval is within that.
    if (this.#parts.clock.now() - this.#heardAt >= silenceMs * 0.9) void this.recheck()
  }

  /**
   * Looks at the store; resolves after a look that began no earlier than this call. Never rejects: when
   * the store cannot be read, there is no news.
   */
  recheck(): Promise<void> {
    if (this.#looking === null) return this.#startLooking()
    // The look under way may have read before the event that this call is about.
    this.#lookingAgain ??= this.#looking.then(() => {
      this.#lookingAgain = null
      return this.#startLooking()
    })
    return this.#lookingAgain
  }

  close(): void {
    this.#stopListening()
    this.#ring.drop()
    this.#pages.close()
  }

  #startLooking(): Promise<void> {
    this.#looking = this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    this.#heardAt = this.#parts.clock.now()
    try {
      const bounds = await this.#parts.source.bounds(this.#runId)
      if (bounds === null) this.#gone = true
      else this.observe(bounds)
      this.#wake()
    } catch {
      // The follower that next needs a page meets the same failure, and ends because of it.
    }
  }

  #accept({ events, head, closed }: Wakeup): void {
    const fresh = events.filter((event) => event.seq > this.#ring.tail)
    if (fresh.length > 0) this.#ring.append(encodeSegment(fresh, this.dialect, closed ? head : null))
  }

  /** Events that wake-ups did not bring (those of another node bring none) may reach the ring by a read. */
  #adopt(segment: Segment): void {
    const reachesHead = segment.last === this.#head && segment.last > this.#ring.tail
    const continues = this.#ring.empty || segment.first === this.#ring.tail + 1
    if (reachesHead && continues) this.#ring.append(segment)
  }

  #wake(): void {
    for (const follower of this.#followers) follower.wake()
  }

  #terminal(): number | null {
    return this.#closed ? this.#head : null
  }
}
