/**
 * A sink: where a follower writes. One per response; it owns the listeners it put on the response
 * and takes them off when the stream is over.
 *
 * Backpressure is one bit. While a sink is backed up nobody writes to it, so it holds at most what
 * the socket takes before it says "full", plus one batch.
 */
import type { ServerResponse } from 'node:http'
import type { Chunk } from './chunk.ts'

export interface Sink {
  readonly backedUp: boolean
  /** Never called while backed up, nor after `end()`. */
  write(chunk: Chunk): void
  /** Ends the response once what was written is sent. */
  end(): void
  /** Ends the connection and forgets what was not sent. */
  destroy(): void
}

export interface SinkEvents {
  /** No longer backed up. */
  drained(): void
  /** The response is finished or its connection gone; comes once, and nothing after it. */
  closed(): void
}

/** Calls back once: when everything was handed to the system, or the connection is gone. */
export function whenOver(res: ServerResponse, callback: () => void): void {
  let over = false
  const once = () => {
    if (over) return
    over = true
    callback()
  }
  // Without an HTTP server behind it (an injected request) a response finishes and never closes.
  res.once('finish', once)
  res.once('close', once)
}
