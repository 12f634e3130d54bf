/**
 * `createSSEWriter`: an event stream on any Node response (plain http, Express with or without
 * `compression`, HTTP/2's compatibility API), for programs that have events but no log.
 *
 * A writer owns its connection. Invariants: events are numbered from 1 without a gap; what the client
 * has not taken is bounded; after it is closed nothing is written and no listener or heartbeat is left.
 */
import type { ServerResponse } from 'node:http'
import { monotonicClock } from '#time/clock'
import { textChunk } from './chunk.ts'
import type { Connection, ConnectionParts, ConnectionUser } from './connection.ts'
import { commentText, frameText } from './encode.ts'
import { Heartbeats } from './heartbeats.ts'
import { openThroughResponse } from './open.ts'
import type { FlushableResponse } from './response-sink.ts'

export interface SSEWriterOptions {
  /** Time between heartbeat comments in ms; 0 for none; default 15 000. None is sent while the client is behind. */
  heartbeatMs?: number
  /** Text of the heartbeat comment; default `heartbeat`. */
  heartbeatText?: string
  /** The stream is cut once more than this waits for the client; default 1 MiB. */
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
  /** True after `close()`, once the client has left, and once it fell too far behind. */
  readonly closed: boolean
}

/** One timer for all writers of a process; it runs only while there are any. */
const parts: ConnectionParts = {
  clock: monotonicClock,
  heartbeats: new Heartbeats(monotonicClock),
  counters: { bytesOut: 0 },
}

/**
 * Starts an event stream on a response: sets the headers (a `Cache-Control` that is already set
 * stays, so that an app may let its middleware compress), and sends them at once.
 */
export function createSSEWriter(res: ServerResponse, options: SSEWriterOptions = {}): SSEWriter {
  return new ResponseWriter(res, options)
}

/** A writer has nothing to do but what it is called for. */
const idleUser: ConnectionUser = { drained: () => {}, beat: () => {}, leave: () => {} }

class ResponseWriter implements SSEWriter {
  readonly #res: FlushableResponse
  readonly #maxBufferedBytes: number
  /** Null when the response was over from the start. */
  readonly #connection: Connection | null
  #lastId = 0

  constructor(res: FlushableResponse, options: SSEWriterOptions) {
    this.#res = res
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 1024 * 1024
    const chunk = textChunk(commentText(options.heartbeatText ?? 'heartbeat'))
    const heartbeat = { intervalMs: options.heartbeatMs ?? 15_000, chunk }
    const over = res.destroyed || res.writableEnded
    this.#connection = over ? null : openThroughResponse(idleUser, parts, res, heartbeat)
  }

  get closed(): boolean {
    return this.#connection === null || !this.#connection.isOpen
  }

  send(type: string, data: unknown): boolean {
    if (this.closed) return false
    const frame = frameText(this.#lastId + 1, type, JSON.stringify(data) ?? 'null')
    this.#lastId += 1
    return this.#write(frame)
  }

  comment(text: string): boolean {
    return this.#write(commentText(text))
  }

  close(): void {
    this.#connection?.finish()
  }

  #write(text: string): boolean {
    const connection = this.#connection
    if (connection === null || !connection.isOpen) return false
    const wasBackedUp = connection.backedUp
    connection.write(textChunk(text))
    // One event larger than the bound is no reason to cut a client that keeps up.
    if (!wasBackedUp || this.#pending(connection) <= this.#maxBufferedBytes) return true
    connection.destroy()
    return false
  }

  /** Behind compression only the bytes written since it was full tell what is pending. */
  #pending(connection: Connection): number {
    return Math.max(connection.backlogBytes, this.#res.writableLength)
  }
}
