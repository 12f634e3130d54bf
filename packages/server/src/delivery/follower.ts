/**
 * A follower: a cursor plus a connection, and the one loop that serves replay and live alike.
 *
 * Each turn writes at most one batch after the cursor. While its connection is open, a follower is
 * always in exactly one phase:
 *
 *   idle      nothing to send; a wake-up queues it
 *   queued    waits for its turn
 *   reading   waits for a page of the store
 *   blocked   the connection is backed up; its drain wakes the follower
 *   over      the connection is ending or closed
 *
 * Invariants: the cursor moves only by what was handed to the connection; nothing is written while the
 * connection is backed up; a follower holds no events of its own, so a slow one costs only what its
 * connection holds.
 */
import { type ResetData, resolveResume } from '@millrace/protocol'
import { textChunk } from '#sse/chunk'
import type { Connection, ConnectionUser } from '#sse/connection'
import type { FairQueue, TurnTaker } from '#sse/fair-queue'
import type { Feed } from './feed.ts'
import type { Page } from './pages.ts'
import type { Batch, TypeFilter } from './segment.ts'

type FollowedFeed = Pick<
  Feed,
  'dialect' | 'head' | 'closed' | 'gone' | 'take' | 'read' | 'cut' | 'recheckAfter' | 'add' | 'remove'
>

/** One object per follower: it keeps this as it is. */
export interface FollowerOptions {
  feed: FollowedFeed
  turns: FairQueue
  counters: { eventsOut: number; resets: number; readFailures: number }
  after: number
  epoch: string
  filter: TypeFilter | null
  /** Sent before anything else. */
  reset: ResetData | null
  /** A silence of this many milliseconds makes it look for itself. */
  recheckMs: number
  /** Runs once, when the follower no longer reads: it is ending, or its client left. */
  onDetached: () => void
}

type Phase = 'idle' | 'queued' | 'reading' | 'blocked' | 'over'

export class Follower implements TurnTaker, ConnectionUser {
  readonly #options: FollowerOptions
  readonly #connection: Connection
  #phase: Phase = 'idle'
  #cursor: number
  #reset: ResetData | null
  #page: Page | null = null
  /** A wake-up came while a page was being read, which may not show the event it announced. */
  #woken = false
  #leaving = false

  constructor(options: FollowerOptions, connect: (user: ConnectionUser) => Connection) {
    this.#options = options
    this.#cursor = options.after
    this.#reset = options.reset
    this.#connection = connect(this)
    options.feed.add(this)
    this.#queue()
  }

  /** `seq` up to which the log was handed to the connection. */
  get cursor(): number {
    return this.#cursor
  }

  /** How many events of the log, as far as this node knows, it has not handed to its connection. */
  get lag(): number {
    return Math.max(this.#options.feed.head - this.#cursor, 0)
  }

  get closed(): Promise<void> {
    return this.#connection.closed
  }

  get detached(): boolean {
    return this.#connection.detached
  }

  get stalledSince(): number | null {
    return this.#connection.stalledSince
  }

  wake(): void {
    if (this.#phase === 'reading') this.#woken = true
    else if (this.#phase === 'idle') this.#queue()
  }

  turn(): void {
    if (this.#phase !== 'queued') return
    this.#phase = 'idle'
    const { feed, filter } = this.#options
    if (this.#connection.backedUp) this.#phase = 'blocked'
    else if (feed.gone) this.finish()
    else if (this.#reset !== null) this.#sendReset(this.#reset)
    else if (this.#page !== null) this.#sendPage(this.#page)
    else if (this.#cursor >= feed.head) this.#proceed()
    else {
      const batch = feed.take(this.#cursor, filter)
      if (batch === null) this.#read()
      else this.#send(batch)
    }
  }

  /** Sends what the log has, and then ends the stream even if the log is open. */
  drain(): void {
    this.#leaving = true
    this.wake()
  }

  /** Ends the stream; its client learns that what it has is of another history. */
  startOver(): void {
    if (this.#phase === 'over') return
    const { feed, counters } = this.#options
    if (!this.#connection.backedUp) {
      counters.resets += 1
      this.#connection.write(textChunk(feed.dialect.startOver))
    }
    this.close()
  }

  /** Ends the stream; what was written is still sent. */
  finish(): void {
    this.#connection.finish()
  }

  /** Ends the stream at once: cleanly where the client keeps up, else by its connection. */
  close(): void {
    this.#connection.close()
  }

  /** Also ends a stream that is being finished and whose client does not take the rest. */
  destroy(): void {
    this.#connection.destroy()
  }

  /** Called by the connection at a heartbeat: a silence this long may mean that a wake-up was lost. */
  beat(): void {
    this.#options.feed.recheckAfter(this.#options.recheckMs)
  }

  /** Called by the connection when it takes bytes again. */
  drained(): void {
    if (this.#phase === 'blocked') this.#queue()
  }

  /** Called by the connection when it takes nothing more. */
  leave(): void {
    this.#phase = 'over'
    this.#page = null
    this.#options.feed.remove(this)
    this.#options.onDetached()
  }

  #queue(): void {
    this.#phase = 'queued'
    this.#options.turns.add(this)
  }

  /** Decides what comes after a write. */
  #proceed(): void {
    const { feed } = this.#options
    if (this.#cursor >= feed.head && (feed.closed || this.#leaving)) this.finish()
    else if (this.#connection.backedUp) this.#phase = 'blocked'
    else if (this.#cursor < feed.head) this.#queue()
  }

  #send(batch: Batch): void {
    this.#cursor = batch.through
    this.#options.counters.eventsOut += batch.events
    if (batch.events > 0) this.#connection.write(batch)
    this.#proceed()
  }

  #sendReset(reset: ResetData): void {
    this.#reset = null
    const { feed, counters } = this.#options
    counters.resets += 1
    this.#connection.write(textChunk(feed.dialect.reset(reset)))
    this.#proceed()
  }

  #read(): void {
    this.#phase = 'reading'
    this.#woken = false
    this.#options.feed.read(this.#cursor).then(
      (page) => {
        if (this.#phase !== 'reading') return
        this.#page = page
        if (page === null) this.finish()
        else this.#queue()
      },
      () => {
        // A clean end could be taken for the end of the log; a broken connection makes the client return.
        this.#options.counters.readFailures += 1
        if (this.#phase === 'reading') this.destroy()
      },
    )
  }

  #sendPage(page: Page): void {
    this.#page = null
    const { feed, epoch, filter } = this.#options
    const resume = resolveResume({ kind: 'at', after: this.#cursor }, epoch, page.bounds)
    if (resume.kind === 'reset') {
      const { firstSeq, head } = page.bounds
      this.#cursor = resume.after
      this.#sendReset({ reason: resume.reason, firstSeq, head })
      return
    }
    const batch = feed.cut(page, this.#cursor, filter)
    if (batch !== null) this.#send(batch)
    // Otherwise the wake-up ran ahead of what can be read: the next one, or the next beat, looks again.
    else if (resume.kind === 'over') this.finish()
    else if (this.#woken) this.#queue()
    else if (this.#leaving) this.finish()
  }
}
