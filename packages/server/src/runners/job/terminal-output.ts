/**
 * Carries what a program wrote to its terminal into the log: every byte, so that a terminal view can replay it.
 *
 * One event holds at most one line with its ending. A line that is not finished is an event of its own after a moment,
 * with what came until then.
 *
 * Owns: the text that is not emitted yet, and the timer for it. Invariants: the texts of all events, one after the other,
 * are what the program wrote (as UTF-8); no event is above `eventBytes`; after `stop()` no timer is left.
 */
import type { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { StreamOutputEvent } from '@millrace/protocol'
import type { EmittedEvent } from '#runners/runner'
import type { Clock } from '#time/clock'
import { Flow } from './flow.ts'
import type { OutputOptions } from './output.ts'

/** A line that is not finished, such as a progress bar, is an event at most this often. */
const unfinishedEveryMs = 100
/** A generous bound of an event's JSON besides its text. */
const eventOverhead = 200
/** JSON needs at most six bytes for a character of one byte: `\u001b`. */
const jsonBytesMax = 6

export class TerminalOutput {
  /** The newest line that is not blank; if nothing ran, it is the reason. */
  lastWords = ''
  lines = 0
  readonly #options: OutputOptions
  readonly #size: { columns: number; rows: number }
  readonly #clock: Clock
  readonly #readable: Readable
  readonly #flow: Flow
  readonly #decoder = new StringDecoder('utf8')
  readonly #charsMax: number
  #text = ''
  #bytes = 0
  #isFull = false
  #cancelTimer: (() => void) | null = null

  constructor(readable: Readable, size: { columns: number; rows: number }, options: OutputOptions) {
    this.#options = options
    this.#size = size
    this.#clock = options.clock
    this.#readable = readable
    this.#flow = new Flow(options.context, [readable])
    this.#charsMax = Math.max(Math.floor((options.eventBytes - eventOverhead) / jsonBytesMax), 16)
  }

  start(): void {
    this.#readable.on('error', () => {})
    this.#readable.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  drain(): void {
    this.#flow.drain()
  }

  /** Resolves once everything is on disk; rejects if that failed. */
  async finish(): Promise<void> {
    this.stop()
    this.#text += this.#decoder.end()
    this.#emit(true)
    await this.#flow.settled()
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  #take(chunk: Buffer): void {
    if (this.#isFull) return
    const room = this.#options.outputBytes - this.#bytes
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk
    this.#bytes += taken.length
    this.#text += this.#decoder.write(taken)
    this.#emit(false)
    if (chunk.length <= room) return
    this.#isFull = true
    this.#options.overflowed()
  }

  #emit(withUnfinished: boolean): void {
    const end = withUnfinished ? this.#text.length : this.#text.lastIndexOf('\n') + 1
    const ready = this.#text.slice(0, end)
    this.#text = this.#text.slice(end)
    // A very long line must not wait, nor hold memory.
    const isLong = this.#text.length > this.#charsMax
    this.#flow.emit([...piecesOf(ready, this.#charsMax)].map((text) => this.#toEvent(text)))
    if (isLong) this.#emit(true)
    else if (this.#text !== '') this.#emitLater()
  }

  #emitLater(): void {
    this.#cancelTimer ??= this.#clock.after(unfinishedEveryMs, () => {
      this.#cancelTimer = null
      this.#emit(true)
    })
  }

  #toEvent(text: string): EmittedEvent {
    if (text.endsWith('\n')) this.lines += 1
    if (text.trim() !== '') this.lastWords = text.trim().slice(0, 1000)
    const data: StreamOutputEvent = {
      line: text,
      timestamp: this.#clock.now(),
      stream: 'stdout',
      terminal: this.#size,
    }
    return { type: 'output', data }
  }
}

/** Cuts behind each line ending, and where a piece would be too long, but never a character in two. */
function* piecesOf(text: string, charsMax: number): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const line = text.indexOf('\n', at)
    let end = Math.min(line === -1 ? text.length : line + 1, at + charsMax)
    const last = text.charCodeAt(end - 1)
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1
    yield text.slice(at, end)
    at = end
  }
}
