/**
 * A sink: how the bytes of one response reach the client.
 *
 * A sink owns the listeners it put on the response and takes them off when the stream is over. Whether
 * it is full is remembered once, by the `Connection` above it.
 */
import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Chunk } from './chunk.ts'

export interface Sink {
  /** True when the response gave its connection away: it does not hear of its end. */
  readonly detached?: boolean
  /** False when the sink is full; `drained()` follows once it takes bytes again. Not called after `end()`. */
  write(chunk: Chunk): boolean
  /** Ends the response once everything written has been sent. */
  end(): void
  /** Ends the connection and drops whatever was not sent. */
  destroy(): void
}

export interface SinkOwner {
  /** The sink takes bytes again. May also come while it was not full. */
  drained(): void
  /** The response is finished or its connection is gone; called once, and nothing after it. */
  over(): void
}

/** Opens a sink that reports to its owner. */
export type OpenSink = (owner: SinkOwner) => Sink

/**
 * Reports the drains of `source` and the end of the response. Returns what takes the drain listener
 * off: a socket may outlive the stream and carry the next request.
 */
export function report(source: EventEmitter, res: ServerResponse, owner: SinkOwner): () => void {
  const onDrain = () => owner.drained()
  const release = () => void source.off('drain', onDrain)
  source.on('drain', onDrain)
  // An error of a connection that is gone must not become an uncaught one.
  res.on('error', () => {})
  whenOver(res, () => {
    release()
    owner.over()
  })
  return release
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
