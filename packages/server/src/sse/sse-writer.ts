/**
 * `createSSEWriter`: an event stream on any Node response (plain http, Express with or without
 * `compression`, HTTP/2's compatibility API), for those who have events but no log.
 *
 * A writer owns its response from the first header to the end. Invariants: events are numbered from
 * 1 without a gap; what the client has not taken is bounded; after it is closed nothing is written
 * and no listener or heartbeat is left.
 */
import type { ServerResponse } from 'node:http'
import { monotonicClock } from '#time/clock'
import { commentText, frameText } from './encode.ts'
import { setStreamHeaders } from './headers.ts'
import { Heartbeats } from './heartbeats.ts'
import { tuneSocket } from './open-sink.ts'
import type { FlushableResponse } from './response-sink.ts'

export interface SSEWriterOptions {
  /** Time between heartbeat comments in ms; 0 for none; default 15 000. None is sent while the client is behind. */
  heartbeatMs?: number
  /** Text of the heartbeat comment; default `heartbeat`. */
  heartbeatText?: string
  /** The stream is cut once more than this is waiting for the client; default 1 MiB. */
  maxBufferedBytes?: number
}

export interface SSEWriter {
  /**
   * Sends one event: `id:` the next number, `event:` the type, `data:` the data as one line of JSON
   * (`undefined` as `null`). CR, LF and NUL in the type, which would end its field, are left out.
   * False when the stream is closed. Throws what `JSON.stringify` throws (a cycle, a BigInt) before
   * anything is written.
   */
  send(type: string, data: unknown): boolean
  /** Sends a comment; each line of the text becomes a comment line. False when the stream is closed. */
  comment(text: string): boolean
  /** Ends the response. Idempotent. */
  close(): void
  /** True after `close()`, when the client left, and when it fell too far behind. */
  readonly closed: boolean
}

/** One timer for the writers of a process; it runs only while there are any. */
const heartbeats = new Heartbeats(monotonicClock)

/**
 * Starts an event stream on a response: sets the headers (a `Cache-Control` that is already set
 * stays, so that an app may let its middleware compress), and sends them at once.
 */
export function createSSEWriter(res: ServerResponse, options: SSEWriterOptions = {}): SSEWriter {
  return new ResponseWriter(res, options)
}

class ResponseWriter implements SSEWriter {
  readonly #res: FlushableResponse
  readonly #maxBufferedBytes: number
  readonly #releases: (() => void)[] = []
  #lastId = 0
  #closed = false
  #backedUp = false
  /** Bytes written since the response said "full"; behind compression only they tell what is pending. */
  #written = 0

  constructor(res: FlushableResponse, options: SSEWriterOptions) {
    this.#res = res
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 1024 * 1024
    if (res.destroyed || res.writableEnded) {
      this.#closed = true
      return
    }
    if (!res.headersSent) {
      setStreamHeaders(res.req, res)
      if (!res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'no-cache, no-transform')
      res.flushHeaders()
    }
    res.flush?.()
    tuneSocket(res.req, res)
    this.#listen()
    const text = options.heartbeatText ?? 'heartbeat'
    const beat = () => {
      if (!this.#backedUp) this.comment(text)
    }
    this.#releases.push(heartbeats.add({ beat }, options.heartbeatMs ?? 15_000))
  }

  get closed(): boolean {
    return this.#closed
  }

  send(type: string, data: unknown): boolean {
    if (this.#closed) return false
    const frame = frameText(this.#lastId + 1, type, JSON.stringify(data) ?? 'null')
    this.#lastId += 1
    return this.#write(frame)
  }

  comment(text: string): boolean {
    return !this.#closed && this.#write(commentText(text))
  }

  close(): void {
    if (this.#closed) return
    this.#release()
    this.#res.end()
  }

  #listen(): void {
    const onDrain = () => {
      this.#backedUp = false
      this.#written = 0
    }
    const onClose = () => this.#release()
    // Left in place: an error of a connection that is gone must not become an uncaught one.
    this.#res.on('error', onClose)
    this.#res.on('drain', onDrain)
    this.#res.once('close', onClose)
    this.#releases.push(
      () => this.#res.off('drain', onDrain),
      () => this.#res.off('close', onClose),
    )
  }

  #write(text: string): boolean {
    const wasBackedUp = this.#backedUp
    if (!this.#res.write(text)) this.#backedUp = true
    this.#res.flush?.()
    if (!this.#backedUp) return true
    this.#written += Buffer.byteLength(text)
    // One event larger than the bound is no reason to cut a client that keeps up.
    if (!wasBackedUp || this.#pending <= this.#maxBufferedBytes) return true
    this.#release()
    this.#res.destroy()
    return false
  }

  get #pending(): number {
    return Math.max(this.#written, this.#res.writableLength)
  }

  #release(): void {
    this.#closed = true
    for (const release of this.#releases.splice(0)) release()
  }
}
