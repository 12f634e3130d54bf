/**
 * Compresses and flushes at every write (zlib's sync flush), so that each batch is readable at once.
 *
 * One batch at a time: backed up until zlib has taken the batch and the response has taken what
 * came out of it. The compressor is kept small (about 50 KB), since there is one per follower.
 */
import type { ServerResponse } from 'node:http'
import { constants, createGzip } from 'node:zlib'
import { bodyOf, type Chunk } from './chunk.ts'
import { type Sink, type SinkEvents, whenOver } from './sink.ts'

export class GzipSink implements Sink {
  readonly #res: ServerResponse
  readonly #gzip = createGzip({
    flush: constants.Z_SYNC_FLUSH,
    level: 4,
    windowBits: 13,
    memLevel: 6,
    chunkSize: 4096,
  })
  readonly #events: SinkEvents
  #compressing = false
  #blocked = false
  #over = false

  constructor(res: ServerResponse, events: SinkEvents) {
    this.#res = res
    this.#events = events
    this.#gzip.on('data', (bytes: Buffer) => {
      if (res.write(bytes)) return
      this.#blocked = true
      this.#gzip.pause()
    })
    this.#gzip.once('end', () => res.end())
    this.#gzip.on('error', () => this.destroy())
    res.on('error', () => {})
    res.on('drain', () => {
      this.#blocked = false
      this.#gzip.resume()
      this.#check()
    })
    whenOver(res, () => {
      this.#over = true
      this.#gzip.destroy()
      events.closed()
    })
  }

  get backedUp(): boolean {
    return this.#compressing || this.#blocked
  }

  write(chunk: Chunk): void {
    this.#compressing = true
    this.#gzip.write(bodyOf(chunk), () => {
      this.#compressing = false
      this.#check()
    })
  }

  end(): void {
    this.#over = true
    this.#gzip.end()
  }

  destroy(): void {
    this.#over = true
    this.#gzip.destroy()
    this.#res.destroy()
  }

  #check(): void {
    if (!this.#over && !this.backedUp) this.#events.drained()
  }
}
