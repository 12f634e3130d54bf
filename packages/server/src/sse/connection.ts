/**
 * A connection that carries an event stream, whoever streams over it: a follower of a log, a client of
 * topics, or an `SSEWriter`.
 *
 * Owns its sink, whether the sink is full and since when, its place among the heartbeats, and the mark
 * against pipelined requests. It is always in exactly one phase:
 *
 *   open      takes bytes
 *   ending    the response is being finished or torn down
 *   closed    the response is over
 *
 * Invariants: `leave()` of its user runs exactly once, when the connection is no longer open; after
 * that nothing is written, and no heartbeat, mark or listener is left; heartbeats never go to a sink
 * that is full. Backpressure is one bit: a user that does not write while `backedUp` has the sink hold
 * at most what the socket took before it was full, plus one batch.
 */
import type { Clock } from '#time/clock'
import type { Chunk } from './chunk.ts'
import type { Heart, Heartbeats } from './heartbeats.ts'
import type { OpenSink, Sink, SinkOwner } from './sink.ts'

/** What streams over a connection. Its methods must not throw. */
export interface ConnectionUser {
  /** The connection is no longer backed up. */
  drained(): void
  /** A heartbeat is due; it is sent afterwards unless the connection was closed or is backed up. */
  beat(): void
  /** The connection takes nothing more: it is ending, or its client left. */
  leave(): void
}

/** What all connections of one owner share. */
export interface ConnectionParts {
  clock: Clock
  heartbeats: Heartbeats
  /** Bytes of frames, before compression and HTTP framing. */
  counters: { bytesOut: number }
}

/** One object for many connections: the same bytes for every client. */
export interface Heartbeat {
  /** 0: none. */
  readonly intervalMs: number
  readonly chunk: Chunk
}

export interface ConnectionOptions {
  user: ConnectionUser
  heartbeat: Heartbeat
  openSink: OpenSink
  /** Marks the connection against pipelined requests; returns what takes the mark off. */
  mark: () => () => void
}

export class Connection implements SinkOwner, Heart {
  /** Resolves when the response is finished or its connection is gone. */
  readonly closed: Promise<void>
  readonly #parts: ConnectionParts
  readonly #user: ConnectionUser
  readonly #heartbeat: Heartbeat
  readonly #sink: Sink
  readonly #stopHeartbeats: () => void
  readonly #unmark: () => void
  #phase: 'open' | 'ending' | 'closed' = 'open'
  #stalledSince: number | null = null
  #backlogBytes = 0
  #resolveClosed: () => void = () => {}

  constructor(parts: ConnectionParts, { user, heartbeat, openSink, mark }: ConnectionOptions) {
    this.#parts = parts
    this.#user = user
    this.#heartbeat = heartbeat
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#sink = openSink(this)
    this.#unmark = mark()
    this.#stopHeartbeats = parts.heartbeats.add(this, heartbeat.intervalMs)
  }

  /** True when its response gave the connection away, and does not hear of its end: `closed` says it. */
  get detached(): boolean {
    return this.#sink.detached === true
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** True from the write that filled the sink until it drains. */
  get backedUp(): boolean {
    return this.#stalledSince !== null
  }

  /** Since when, by the clock, the client has not taken what was sent; null when it keeps up. */
  get stalledSince(): number | null {
    return this.#stalledSince
  }

  /** Bytes written since the sink was full, the write that filled it included; 0 when it is not. */
  get backlogBytes(): number {
    return this.#backlogBytes
  }

  /** Writes one or more whole frames. A chunk must not be empty: an empty one ends an HTTP/1.1 body. */
  write(chunk: Chunk): void {
    this.#parts.counters.bytesOut += chunk.length
    if (!this.#sink.write(chunk)) this.#stalledSince ??= this.#parts.clock.now()
    if (this.#stalledSince !== null) this.#backlogBytes += chunk.length
  }

  /** Ends the stream; what was written is still sent. */
  finish(): void {
    if (!this.isOpen) return
    this.#leave()
    this.#sink.end()
  }

  /** Ends the stream at once: cleanly where the client keeps up, else by its connection. */
  close(): void {
    if (this.backedUp) this.destroy()
    else this.finish()
  }

  /** Drops what was not sent. Also ends a stream that is being finished and whose client does not take the rest. */
  destroy(): void {
    if (this.#phase === 'closed') return
    this.#leave()
    this.#sink.destroy()
    this.over()
  }

  beat(): void {
    if (!this.isOpen) return
    this.#user.beat()
    if (this.isOpen && !this.backedUp) this.write(this.#heartbeat.chunk)
  }

  drained(): void {
    if (!this.backedUp || !this.isOpen) return
    this.#stalledSince = null
    this.#backlogBytes = 0
    this.#user.drained()
  }

  over(): void {
    this.#leave()
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#stalledSince = null
    this.#backlogBytes = 0
    this.#resolveClosed()
  }

  #leave(): void {
    if (!this.isOpen) return
    this.#phase = 'ending'
    this.#stopHeartbeats()
    this.#unmark()
    this.#user.leave()
  }
}
