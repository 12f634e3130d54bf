/**
 * Writes through the response: HTTP/1.0, HTTP/2, TLS, and anything a middleware has wrapped around it.
 * A compressing middleware holds bytes back until it is flushed.
 */
import type { ServerResponse } from 'node:http'
import { bodyOf, type Chunk } from './chunk.ts'
import { report, type Sink, type SinkOwner } from './sink.ts'

export type FlushableResponse = ServerResponse & { flush?: () => void }

export class ResponseSink implements Sink {
  readonly #res: FlushableResponse
  readonly #release: () => void

  constructor(res: FlushableResponse, owner: SinkOwner) {
    this.#res = res
    this.#release = report(res, res, owner)
  }

  write(chunk: Chunk): boolean {
    const taken = this.#res.write(bodyOf(chunk))
    this.#res.flush?.()
    return taken
  }

  end(): void {
    this.#release()
    this.#res.end()
  }

  destroy(): void {
    this.#release()
    this.#res.destroy()
  }
}
