/**
 * Carries the output of one process into the log.
 *
 * Owns: the two pipes while they are read, their unfinished lines, the timers of their progress bars.
 * Invariants: each pipe keeps its own order; a chunk is one `emit`, however many lines it holds; after `stop()` no timer is left.
 */
import { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import type { StreamOutputEvent } from '@millrace/protocol'
import type { EmittedEvent, RunContext } from '#runners/runner'
import type { Clock } from '#time/clock'
import { Flow } from './flow.ts'
import { type Line, LineSplitter } from './lines.ts'

type StreamName = StreamOutputEvent['stream']

/** A line that rewrites itself is shown at most this often. */
const progressEveryMs = 500
/** A generous bound of an event's JSON besides its line: the other fields and `truncated`. */
const eventOverhead = 160

export interface OutputOptions {
  context: Pick<RunContext, 'emit' | 'uncommittedBytes'>
  clock: Clock
  eventBytes: number
  /** Bytes of both pipes together; later ones are read and discarded. */
  outputBytes: number
  /** Called once, when the process has written more than `outputBytes`. */
  overflowed: () => void
}

interface Pipe {
  name: StreamName
  readable: Readable
  splitter: LineSplitter
  shownAt: number
  cancelTimer: (() => void) | null
}

export class Output {
  /** The newest line of stderr; if nothing ran, it is the reason. */
  lastWords = ''
  /** Complete lines of both pipes, without the passing states of progress bars. */
  lines = 0
  readonly #options: OutputOptions
  readonly #pipes: Pipe[]
  #bytes = 0
  #full = false
  readonly #flow: Flow

  constructor(stdout: Readable, stderr: Readable, options: OutputOptions) {
    this.#options = options
    this.#pipes = [this.#open('stdout', stdout), this.#open('stderr', stderr)]
    this.#flow = new Flow(options.context, [stdout, stderr])
  }

  /** Begins to read. */
  start(): void {
    for (const pipe of this.#pipes) {
      // A pipe that is cut off with its process fails; everything it held until then has been read.
      pipe.readable.on('error', () => {})
      pipe.readable.on('data', (chunk: Buffer) => this.#take(pipe, chunk))
    }
  }

  /** Stops pausing for the disk: nobody writes to the pipes now, so the rest is bounded. */
  drain(): void {
    this.#flow.drain()
  }

  /** Emits lines without an ending. Resolves once everything is on disk; rejects if that failed. */
  async finish(): Promise<void> {
    this.stop()
    for (const pipe of this.#pipes) this.#emitLines(pipe, pipe.splitter.end())
    await this.#flow.settled()
  }

  /** Releases the timers of progress bars. */
  stop(): void {
    for (const pipe of this.#pipes) {
      pipe.cancelTimer?.()
      pipe.cancelTimer = null
    }
  }

  #open(name: StreamName, readable: Readable): Pipe {
    const splitter = new LineSplitter(Math.max(this.#options.eventBytes - eventOverhead, 16))
    return { name, readable, splitter, shownAt: Number.NEGATIVE_INFINITY, cancelTimer: null }
  }

  #take(pipe: Pipe, chunk: Buffer): void {
    if (this.#full) return
    const room = this.#options.outputBytes - this.#bytes
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk
    this.#bytes += taken.length
    this.#emitLines(pipe, pipe.splitter.push(taken))
    if (chunk.length > room) {
      this.#full = true
      this.#options.overflowed()
    }
    if (pipe.splitter.hasState) this.#showState(pipe)
  }

  #emitLines(pipe: Pipe, lines: Line[]): void {
    this.lines += lines.length
    if (pipe.name === 'stderr') this.lastWords = lines.at(-1)?.text.slice(0, 1000) ?? this.lastWords
    this.#emit(pipe, lines)
  }

  #showState(pipe: Pipe): void {
    if (pipe.cancelTimer !== null) return
    const wait = pipe.shownAt + progressEveryMs - this.#options.clock.now()
    const show = () => {
      pipe.cancelTimer = null
      if (!pipe.splitter.hasState) return
      pipe.shownAt = this.#options.clock.now()
      this.#emit(pipe, [pipe.splitter.state()])
    }
    if (wait <= 0) show()
    else pipe.cancelTimer = this.#options.clock.after(wait, show)
  }

  #emit(pipe: Pipe, lines: Line[]): void {
    if (lines.length === 0) return
    const timestamp = this.#options.clock.now()
    this.#flow.emit(lines.map((line) => this.#toEvent(line, pipe.name, timestamp)))
  }

  #toEvent(line: Line, stream: StreamName, timestamp: number): EmittedEvent {
    const fitted = fitJson(line, this.#options.eventBytes - eventOverhead)
    const data: StreamOutputEvent = { line: fitted.text, timestamp, stream }
    if (fitted.truncated) data.truncated = ['line']
    return { type: 'output', data }
  }
}

/** Cuts a line further when its JSON is too long: a NUL is one byte, and six in JSON. */
function fitJson(line: Line, maxBytes: number): Line {
  if (line.text.length * 6 <= maxBytes || jsonBytes(line.text) <= maxBytes) return line
  let fits = 0
  let tooLong = line.text.length
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1
    if (jsonBytes(line.text.slice(0, middle)) <= maxBytes) fits = middle
    else tooLong = middle
  }
  const last = line.text.charCodeAt(fits - 1)
  const cutsPair = last >= 0xd800 && last <= 0xdbff
  return { text: line.text.slice(0, cutsPair ? fits - 1 : fits), truncated: true }
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}
