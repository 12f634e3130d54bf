/**
 * An agent's process as the SDK expects it: there at once, with pipes and events of its own, while the
 * sandbox is still starting it.
 *
 * Owns: the process, from its start until `end()` has resolved; its pipes.
 * Invariants: no output of the process reaches the SDK after `cut()`; the process waits while its output
 * is not on disk; unread answers are bounded; `exit` is emitted once, after all of its output.
 */
import { EventEmitter, once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { SpawnedProcess } from '@anthropic-ai/claude-agent-sdk'
import { messageOf } from '@millrace/protocol'
import type { ProcessExit, SandboxedProcess } from '@millrace/sandbox'
import { collectGarbage } from '#memory/collect'
import { graceMs } from '#runners/grace'
import { isMirrorFrame, type MirrorFrame } from '../transcript/mirror.ts'
import { MessageLines } from './lines.ts'

export interface BridgeParts {
  start(): Promise<SandboxedProcess>
  /** Receives a reason to end. */
  ending: { fail(reason: string, error: string): void }
  /** Called once the process runs, before any of its output is passed on. */
  began(process: SandboxedProcess): void
  mirrored(frame: MirrorFrame): void
  /** Returns a message as the SDK is to receive it. */
  shorten(line: string, message: { type: string }): string
  /** Removes secrets from a line of its output. */
  quote(line: string): string
  /** The bound of its output, beyond which nothing is passed on. */
  outputCharsMax: number
  /** The bound of answers it leaves unread, beyond which it counts as broken. */
  unreadBytesMax: number
  /** What must settle before more is read; null if there is room. */
  room(): Promise<unknown> | null
}

/** What a line of this length leaves behind is collected at once. */
const longLineChars = 4 * 1024 ** 2
/** Only the end of stderr is kept: the last words matter. */
const stderrCharsMax = 8192

/** The SDK takes these for ends of lines; JSON has them only inside strings. */
const lineEnds = /[\u2028\u2029]/g
const escaped = (end: string) => `\\u${end.charCodeAt(0).toString(16)}`

export class Bridge extends EventEmitter implements SpawnedProcess {
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  killed = false
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  stderrTail = ''
  /** How it ended. Null when it was never started. Never rejects. */
  readonly exited: Promise<ProcessExit | null>
  readonly #parts: BridgeParts
  readonly #launched: Promise<SandboxedProcess | null>
  readonly #cutting = Promise.withResolvers<void>()
  #isCut = false
  #holding = false
  #output = 0
  #longLines = 0

  constructor(parts: BridgeParts) {
    super()
    this.#parts = parts
    // A writer learns from the exit event that the process is gone.
    this.stdin.on('error', () => {})
    this.stdout.on('error', () => {})
    this.#launched = this.#launch()
    this.exited = this.#attend()
  }

  /** For the SDK: TERM with a grace, KILL without. */
  kill(signal: NodeJS.Signals): boolean {
    this.killed = true
    void this.end(signal === 'SIGKILL' ? 0 : graceMs)
    return true
  }

  /** From here on the SDK receives nothing. Mirrored lines are still read. */
  cut(): void {
    this.#isCut = true
    this.#cutting.resolve()
  }

  /** Ends the process with all its descendants. Resolves once none is left. Idempotent. */
  async end(grace: number): Promise<void> {
    const process = await this.#launched
    await process?.end(grace)
  }

  async #launch(): Promise<SandboxedProcess | null> {
    // Not before the caller can listen for the result.
    await null
    try {
      return await this.#parts.start()
    } catch (error) {
      this.#parts.ending.fail('not_started', `Could not start: ${messageOf(error)}`)
      if (this.listenerCount('error') > 0) this.emit('error', error)
      return null
    }
  }

  async #attend(): Promise<ProcessExit | null> {
    const process = await this.#launched
    if (process === null) {
      this.stdout.end()
      return null
    }
    this.#parts.began(process)
    const lines = new MessageLines({
      message: (line, message) => this.#pass(line, message),
      broken: (line) => this.#broken(line),
    })
    process.stderr.setEncoding('utf8')
    process.stderr.on('data', (text: string) => {
      this.stderrTail = (this.stderrTail + text).slice(-stderrCharsMax)
    })
    process.stdout.setEncoding('utf8')
    process.stdout.on('data', (text: string) => {
      this.#hear(text, lines)
      void this.#hold(process.stdout)
    })
    this.stdin.pipe(process.stdin)
    const exit = await process.exited
    // The pipe has ended; bytes still in it precede the exit.
    await finished(process.stdout, { writable: false }).catch(() => {})
    this.exitCode = exit.code
    this.signalCode = exit.signal
    this.stdout.end()
    this.emit('exit', exit.code, exit.signal)
    return exit
  }

  #hear(text: string, lines: MessageLines): void {
    const { outputCharsMax, unreadBytesMax, ending } = this.#parts
    this.#output += text.length
    const unread = this.stdin.readableLength + this.stdin.writableLength
    if (this.#output > outputCharsMax) {
      ending.fail('output', 'The agent wrote more than a gigabyte of messages and was ended')
    } else if (unread > unreadBytesMax) this.#broken('(it makes requests and does not read the answers)')
    else {
      try {
        lines.push(text)
        if (this.#longLines > 0) this.#collect()
      } catch (error) {
        // If it were thrown further, the pipe would end without a cause.
        this.#broken(`(${messageOf(error)})`)
      }
    }
  }

  #broken(line: string): void {
    const { ending, quote } = this.#parts
    ending.fail('protocol_error', `The agent's process wrote a line that is not a message: ${quote(line)}`)
  }

  /** A long line leaves several copies of itself behind. */
  #collect(): void {
    this.#longLines = 0
    collectGarbage()
  }

  #pass(line: string, message: { type: string }): void {
    if (line.length > longLineChars) this.#longLines += 1
    if (isMirrorFrame(message)) this.#parts.mirrored(message)
    else if (!this.#isCut) this.#write(this.#parts.shorten(line, message))
  }

  #write(line: string): void {
    this.stdout.write(`${line.replace(lineEnds, escaped)}\n`)
  }

  /** Pauses the process until there is room for more. */
  async #hold(source: Readable): Promise<void> {
    if (this.#holding) return
    this.#holding = true
    while (!this.#isCut) {
      const full = this.#parts.room() ?? (this.stdout.writableNeedDrain ? once(this.stdout, 'drain') : null)
      if (full === null) break
      source.pause()
      await Promise.race([full.catch(() => {}), this.#cutting.promise])
    }
    this.#holding = false
    source.resume()
  }
}
