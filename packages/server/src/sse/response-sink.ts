/**
 * Writes through the response: HTTP/1.0, HTTP/2, TLS, and whatever a middleware has wrapped around
 * it. A middleware that compresses holds bytes back until it is told to flush.
 */
import type { ServerResponse } from 'node:http'
import { bodyOf, type Chunk } from './chunk.ts'
import { type Sink, type SinkEvents, whenOver } from './sink.ts'

export type FlushableResponse = ServerResponse & { flush?: () => void }

export class ResponseSink implements Sink {
  readonly #res: FlushableResponse
  readonly #drained: () => void
  #backedUp = false

  constructor(res: FlushableResponse, events: SinkEvents) {
    this.#res = res
    this.#drained = () => {
      if (!this.#backedUp) return
      this.#backedUp = false
      events.drained()
    }
    res.on('drain', this.#drained)
    res.on('error', () => {})
    whenOver(res, () => {
      this.#release()
      events.closed()
    })
  }

  get backedUp(): boolean {
    return this.#backedUp
  }

  write(chunk: Chunk): void {
    if (!this.#res.write(bodyOf(chunk))) this.#backedUp = true
    this.#res.flush?.()
  }

  end(): void {
    this.#release()
    this.#res.end()
  }

  destroy(): void {
    this.#release()
    this.#res.destroy()
  }

  #release(): void {
    // Behind a middleware the listener may sit on another stream, where `off` does not reach it.
    this.#backedUp = false
    this.#res.off('drain', this.#drained)
  }
}
