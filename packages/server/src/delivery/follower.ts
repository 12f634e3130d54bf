/**
 * A follower: a cursor plus a sink, and the one loop that serves replay and live alike.
 *
 * Each turn writes at most one batch after the cursor. The follower is always in exactly one phase:
 *
 *   idle      nothing to send; a hint wakes it
 *   queued    waits for its turn
 *   reading   waits for a page of the store
 *   blocked   the sink is backed up; its drain wakes it
 *   ending    the response is being finished or torn down
 *   closed    the response is over
 *
 * Invariants: the cursor moves only by what was handed to the sink; nothing is written while the sink
 * is backed up; a follower holds no events of its own, so a slow one costs only what its sink holds.
 */
import { type ResetData, resolveResume } from '@millrace/protocol'
import { type Chunk, textChunk } from '#sse/chunk'
import { resetText } from '#sse/encode'
import type { Sink, SinkEvents } from '#sse/sink'
import type { Turns, TurnTaker } from '#sse/turns'
import type { Clock } from '#time/clock'
import type { Feed } from './feed.ts'
import type { Page } from './pages.ts'
import type { Batch, TypeFilter } from './segment.ts'

type FollowedFeed = Pick<
  Feed,
  'head' | 'closed' | 'gone' | 'take' | 'read' | 'cut' | 'recheckAfter' | 'add' | 'remove'
>

/** One object a follower: it keeps this as it is, and what it need not keep is an argument. */
export interface FollowerOptions {
  feed: FollowedFeed
  turns: Turns
  clock: Clock
  counters: { eventsOut: number; bytesOut: number; resets: number; readFailures: number }
  after: number
  epoch: string
  filter: TypeFilter | null
  /** Sent before anything else. */
  reset: ResetData | null
  heartbeat: { intervalMs: number; chunk: Chunk }
  /** Runs once, when the follower no longer reads: it is ending, or its client left. */
  onDetached: () => void
}

type Phase = 'idle' | 'queued' | 'reading' | 'blocked' | 'ending' | 'closed'

export class Follower implements TurnTaker {
  readonly closed: Promise<void>
  readonly #options: FollowerOptions
  readonly #sink: Sink
  #phase: Phase = 'idle'
  #cursor: number
  #reset: ResetData | null
  #page: Page | null = null
  /** A hint came while a page was being read, which may not show what the hint spoke of. */
  #hinted = false
  #leaving = false
  #stalledSince: number | null = null
  #resolveClosed: () => void = () => {}

  constructor(options: FollowerOptions, openSink: (events: SinkEvents) => Sink) {
    this.#options = options
    this.#cursor = options.after
    this.#reset = options.reset
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#sink = openSink({ drained: () => this.#drained(), closed: () => this.#closed() })
    options.feed.add(this)
    this.#queue()
  }

  get cursor(): number {
    return this.#cursor
  }

  /** How many events of the log, as far as is known here, it has not handed to its sink. */
  get lag(): number {
    return Math.max(this.#options.feed.head - this.#cursor, 0)
  }

  /** Since when, by the clock, its client has not taken what was sent. */
  get stalledSince(): number | null {
    return this.#stalledSince
  }

  wake(): void {
    if (this.#phase === 'reading') this.#hinted = true
    else if (this.#phase === 'idle') this.#queue()
  }

  beat(): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    if (!this.#sink.backedUp) this.#write(this.#options.heartbeat.chunk)
    this.#options.feed.recheckAfter(this.#options.heartbeat.intervalMs)
  }

  turn(): void {
    if (this.#phase !== 'queued') return
    this.#phase = 'idle'
    const { feed, filter } = this.#options
    if (this.#sink.backedUp) this.#block()
    else if (feed.gone) this.finish()
    else if (this.#reset !== null) this.#sendReset(this.#reset)
    else if (this.#page !== null) this.#sendPage(this.#page)
    else if (this.#cursor >= feed.head) this.#goOn()
    else {
      const batch = feed.take(this.#cursor, filter)
      if (batch === null) this.#read()
      else this.#send(batch)
    }
  }

  /** Sends what the log has, and then ends the stream even if the log is open. */
  leave(): void {
    this.#leaving = true
    this.wake()
  }

  /** Ends the stream; what the sink took is still sent. */
  finish(): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    this.#detach('ending')
    this.#sink.end()
  }

  /** Ends the stream at once: cleanly where the client keeps up, else by its connection. */
  close(): void {
    if (this.#sink.backedUp) this.destroy()
    else this.finish()
  }

  /** Also ends a stream that is being finished and whose client does not take the rest. */
  destroy(): void {
    if (this.#phase === 'closed') return
    if (this.#phase !== 'ending') this.#detach('ending')
    this.#sink.destroy()
    this.#closed()
  }

  #queue(): void {
    this.#phase = 'queued'
    this.#options.turns.add(this)
  }

  #block(): void {
    this.#phase = 'blocked'
  }

  /** After a write: what next? */
  #goOn(): void {
    const { feed } = this.#options
    if (this.#cursor >= feed.head && (feed.closed || this.#leaving)) this.finish()
    else if (this.#sink.backedUp) this.#block()
    else if (this.#cursor < feed.head) this.#queue()
  }

  #send(batch: Batch): void {
    this.#cursor = batch.through
    this.#options.counters.eventsOut += batch.events
    if (batch.events > 0) this.#write(batch)
    this.#goOn()
  }

  #write(chunk: Chunk): void {
    this.#options.counters.bytesOut += chunk.length
    this.#sink.write(chunk)
    if (this.#sink.backedUp) this.#stalledSince ??= this.#options.clock.now()
  }

  #sendReset(reset: ResetData): void {
    this.#reset = null
    this.#options.counters.resets += 1
    this.#write(textChunk(resetText(reset)))
    this.#goOn()
  }

  #read(): void {
    this.#phase = 'reading'
    this.#hinted = false
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
    // Else the hint ran ahead of what can be read: the next one, or the next beat, looks again.
    else if (resume.kind === 'over') this.finish()
    else if (this.#hinted) this.#queue()
    else if (this.#leaving) this.finish()
  }

  #drained(): void {
    this.#stalledSince = null
    if (this.#phase === 'blocked') this.#queue()
  }

  #detach(phase: 'ending' | 'closed'): void {
    this.#phase = phase
    this.#page = null
    this.#options.feed.remove(this)
    this.#options.onDetached()
  }

  #closed(): void {
    if (this.#phase === 'closed') return
    if (this.#phase !== 'ending') this.#detach('closed')
    this.#phase = 'closed'
    this.#stalledSince = null
    this.#resolveClosed()
  }
}
