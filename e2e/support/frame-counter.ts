/**
 * Checks a stream of SSE bytes without keeping it: how many events, whether their ids are 1, 2, 3 …,
 * and a digest of everything but comments. Cheap enough for gigabytes in one process.
 *
 * Invariant: what is carried over between chunks is shorter than one `id:` line.
 */
import { createHash } from 'node:crypto'

const mark = Buffer.from('\nid: ')
const newline = 0x0a
const colon = 0x3a
const frameEnd = Buffer.from('\n\n')

export interface Counted {
  events: number
  /** The first id that was not the one before plus one; null when there was none. */
  gap: number | null
  bytes: number
  /** Of everything but comments, where asked for. */
  digest: string | null
}

export class FrameCounter {
  readonly #hash: ReturnType<typeof createHash> | null
  // The first id has no line before it.
  #carried: Buffer = Buffer.from('\n')
  #events = 0
  #gap: number | null = null
  #bytes = 0
  /** The next byte begins a frame or a comment. */
  #between = true

  constructor(options: { digest: boolean }) {
    this.#hash = options.digest ? createHash('sha256') : null
  }

  get events(): number {
    return this.#events
  }

  /** Takes one chunk of the body. A comment has to come as a chunk of its own, as servers write it. */
  take(chunk: Buffer): void {
    if (this.#between && chunk[0] === colon) return
    this.#between = chunk.subarray(-2).equals(frameEnd)
    this.#bytes += chunk.length
    this.#hash?.update(chunk)
    const text = this.#carried.length === 0 ? chunk : Buffer.concat([this.#carried, chunk])
    let from = 0
    for (;;) {
      const found = text.indexOf(mark, from)
      const end = found === -1 ? -1 : text.indexOf(newline, found + mark.length)
      if (end === -1) {
        this.#carried = Buffer.from(
          text.subarray(found === -1 ? Math.max(from, text.length - mark.length + 1) : found),
        )
        return
      }
      this.#count(text, found + mark.length, end)
      from = end
    }
  }

  result(): Counted {
    return {
      events: this.#events,
      gap: this.#gap,
      bytes: this.#bytes,
      digest: this.#hash?.copy().digest('hex') ?? null,
    }
  }

  #count(text: Buffer, start: number, end: number): void {
    let id = 0
    for (let at = start; at < end; at += 1) id = id * 10 + (text[at] ?? 0) - 0x30
    if (id !== this.#events + 1) this.#gap ??= id
    this.#events += 1
  }
}
