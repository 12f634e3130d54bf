/**
 * Compresses, and flushes at every write (zlib's sync flush), so that each batch is readable at once.
 *
 * One batch at a time: the sink is full until zlib has taken the batch and the response has taken the
 * output. The compressor is kept small (about 50 KB), since there is one per connection.
 */
import type { ServerResponse } from 'node:http'
import { constants, createGzip } from 'node:zlib'
import { bodyOf, type Chunk } from './chunk.ts'
import { type Sink, type SinkOwner, whenOver } from './sink.ts'

export class GzipSink implements Sink {
  readonly #res: ServerResponse
  readonly #gzip = createGzip({
    flush: constants.Z_SYNC_FLUSH,
    level: 4,
    windowBits: 13,
    memLevel: 6,
    chunkSize: 4096,
  })
  readonly #owner: SinkOwner
  #compressing = false
  #blocked = false
  #over = false

  constructor(res: ServerResponse, owner: SinkOwner) {
    this.#res = res
    this.#owner = owner
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
      owner.over()
    })
  }

  write(chunk: Chunk): boolean {
    this.#compressing = true
    this.#gzip.write(bodyOf(chunk), () => {
      this.#compressing = false
      this.#check()
    })
    return false
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
    if (!this.#over && !this.#compressing && !this.#blocked) this.#owner.drained()
  }
}
