/**
 * Cuts bytes into lines.
 *
 * Owns: at most `maxBytes` bytes of the unfinished line.
 * Invariants: the lines depend on the bytes alone, never on how they were cut into chunks; no
 * character is split; memory is bounded by `maxBytes` for any input.
 *
 * `\n` and `\r\n` end a line. A lone `\r` moves to the start of the line, and the next text replaces
 * what stood there, as progress bars intend; `state()` is what a person would see at that moment. The text
 * is decoded only on request: a busy progress bar is rewritten far more often than it is shown.
 */
import { Buffer } from 'node:buffer'

export interface Line {
  text: string
  /** True when the end of the line did not fit. */
  truncated: boolean
}

const lf = 0x0a
const cr = 0x0d

export class LineSplitter {
  readonly #maxBytes: number
  #kept = Buffer.alloc(0)
  #length = 0
  #cut = false
  /** A `\r` came: the next text replaces the line. */
  #atStart = false
  /** True when the line holds anything, even just empty text before a `\r`. */
  #begun = false
  /** True once text followed a `\r`: the line rewrites itself, and is no `\r\n` cut in two. */
  #rewritten = false
  #fresh = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Returns the lines that `chunk` ends, in order. */
  push(chunk: Buffer): Line[] {
    const lines: Line[] = []
    let at = 0
    let nextLf = chunk.indexOf(lf)
    let nextCr = chunk.indexOf(cr)
    while (at < chunk.length) {
      const end = nearest(nextLf, nextCr, chunk.length)
      if (end === nextLf && this.#length === 0 && !this.#cut) {
        // The usual case: a whole line inside one chunk is decoded in place.
        lines.push(decode(chunk, at, end, this.#maxBytes))
        this.#clear()
      } else {
        if (end > at) this.#append(chunk, at, end)
        if (end === nextLf) lines.push(this.#take())
        else if (end === nextCr) this.#carriageReturn()
      }
      at = end + 1
      if (nextLf !== -1 && nextLf < at) nextLf = chunk.indexOf(lf, at)
      if (nextCr !== -1 && nextCr < at) nextCr = chunk.indexOf(cr, at)
    }
    return lines
  }

  /** Returns the last line if it has no line ending. */
  end(): Line[] {
    return this.#begun ? [this.#take()] : []
  }

  /** True when the unfinished line rewrites itself and has changed since the last `state()`. */
  get hasState(): boolean {
    return this.#fresh
  }

  /** Returns what the unfinished line shows at the moment. */
  state(): Line {
    this.#fresh = false
    return this.#current()
  }

  #append(chunk: Buffer, from: number, to: number): void {
    if (this.#atStart) {
      this.#length = 0
      this.#cut = false
      this.#atStart = false
      this.#rewritten = true
    }
    this.#begun = true
    this.#fresh = this.#rewritten
    const room = this.#maxBytes - this.#length
    if (to - from > room) this.#cut = true
    const taken = Math.min(to - from, room)
    if (this.#length + taken > this.#kept.length) this.#grow(this.#length + taken)
    chunk.copy(this.#kept, this.#length, from, from + taken)
    this.#length += taken
  }

  #carriageReturn(): void {
    this.#begun = true
    this.#atStart = true
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#kept.length * 2, 256), this.#maxBytes))
    this.#kept.copy(larger, 0, 0, this.#length)
    this.#kept = larger
  }

  #current(): Line {
    return decode(this.#kept, 0, this.#length, this.#maxBytes, this.#cut)
  }

  #take(): Line {
    const line = this.#current()
    this.#clear()
    return line
  }

  #clear(): void {
    this.#length = 0
    this.#cut = false
    this.#atStart = false
    this.#begun = false
    this.#rewritten = false
    this.#fresh = false
    // One very long line must not hold its memory for the rest of the run.
    if (this.#kept.length > 65_536) this.#kept = Buffer.alloc(0)
  }
}

function nearest(a: number, b: number, otherwise: number): number {
  if (a === -1) return b === -1 ? otherwise : b
  return b === -1 ? a : Math.min(a, b)
}

function decode(bytes: Buffer, from: number, to: number, maxBytes: number, wasCut = false): Line {
  const truncated = wasCut || to - from > maxBytes
  const end = truncated ? wholeCharacters(bytes, from, Math.min(to, from + maxBytes)) : to
  return { text: bytes.toString('utf8', from, end), truncated }
}

/** Returns `to`, or a little less if the cut went through a UTF-8 sequence. */
function wholeCharacters(bytes: Buffer, from: number, to: number): number {
  for (let back = 1; back <= 3 && to - back >= from; back++) {
    const byte = bytes[to - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needs > back ? to - back : to
  }
  return to
}
