/**
 * The process of a session as the agent SDK wants to see it: there at once, with pipes and events of its
 * own, while the sandbox is still starting it.
 *
 * Owns: the process, from its start until `end()` has resolved; its pipes.
 * Invariants: nothing the process wrote reaches the SDK after `cut()`; the process waits while what it
 * wrote is not on disk; what it does not read is bounded; `exit` is told once, after everything it wrote.
 */
import { EventEmitter, once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { SpawnedProcess } from '@anthropic-ai/claude-agent-sdk'
import { messageOf } from '@millrace/protocol'
import type { ProcessExit, SandboxedProcess } from '@millrace/sandbox'
import { graceMs } from '#runners/grace'
import { MessageLines } from './lines.ts'
import { isMirrorFrame, type MirrorFrame } from './transcript.ts'

export interface BridgeParts {
  start(): Promise<SandboxedProcess>
  /** It could not be started. */
  failed(reason: string): void
  /** The process runs; called before anything it wrote goes on. */
  began(process: SandboxedProcess): void
  mirrored(frame: MirrorFrame): void
  /** It wrote what is no message. */
  broken(line: string): void
  /** It wrote more than this many characters; nothing of it goes on any more. */
  mostOutput: number
  /** Bytes of answers that it may leave unread: above that it is broken. */
  mostUnread: number
  overflowed(): void
  /** What has to settle before more is read; null when there is room. */
  room(): Promise<unknown> | null
}

/** Of stderr the end is kept: the last words are what counts. */
const keptOfStderr = 8192

/** The SDK takes these for ends of lines; JSON has them inside a text only. */
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
  private readonly parts: BridgeParts
  private readonly launched: Promise<SandboxedProcess | null>
  private readonly cutting = Promise.withResolvers<void>()
  private isCut = false
  private holding = false
  private output = 0

  constructor(parts: BridgeParts) {
    super()
    this.parts = parts
    // Whoever writes to a process that has gone learns of it by its exit.
    this.stdin.on('error', () => {})
    this.stdout.on('error', () => {})
    this.launched = this.launch()
    this.exited = this.attend()
  }

  /** For the SDK: TERM with a grace, KILL without. */
  kill(signal: NodeJS.Signals): boolean {
    this.killed = true
    void this.end(signal === 'SIGKILL' ? 0 : graceMs)
    return true
  }

  /** From now on the SDK hears nothing any more. What is mirrored is still taken. */
  cut(): void {
    this.isCut = true
    this.cutting.resolve()
  }

  /** Ends the process with all its descendants. Resolves when none is left. Idempotent. */
  async end(grace: number): Promise<void> {
    const process = await this.launched
    await process?.end(grace)
  }

  private async launch(): Promise<SandboxedProcess | null> {
    // Not before whoever asked for it can hear how it went.
    await null
    try {
      return await this.parts.start()
    } catch (error) {
      this.parts.failed(messageOf(error))
      if (this.listenerCount('error') > 0) this.emit('error', error)
      return null
    }
  }

  private async attend(): Promise<ProcessExit | null> {
    const process = await this.launched
    if (process === null) {
      this.stdout.end()
      return null
    }
    this.parts.began(process)
    const lines = new MessageLines({
      message: (line, message) => this.pass(line, message),
      broken: (line) => this.parts.broken(line),
    })
    process.stderr.setEncoding('utf8')
    process.stderr.on('data', (text: string) => {
      this.stderrTail = (this.stderrTail + text).slice(-keptOfStderr)
    })
    process.stdout.setEncoding('utf8')
    process.stdout.on('data', (text: string) => {
      this.hear(text, lines)
      void this.hold(process.stdout)
    })
    this.stdin.pipe(process.stdin)
    const exit = await process.exited
    // The pipe has ended; what is still on its way out of it comes before the exit.
    await finished(process.stdout, { writable: false }).catch(() => {})
    this.exitCode = exit.code
    this.signalCode = exit.signal
    this.stdout.end()
    this.emit('exit', exit.code, exit.signal)
    return exit
  }

  private hear(text: string, lines: MessageLines): void {
    const { mostOutput, mostUnread, overflowed, broken } = this.parts
    this.output += text.length
    const unread = this.stdin.readableLength + this.stdin.writableLength
    if (this.output > mostOutput) overflowed()
    else if (unread > mostUnread) broken('(it asks, and does not read the answers)')
    else {
      try {
        lines.push(text)
      } catch (error) {
        // Thrown further it would end the pipe, and nobody would learn why nothing more comes.
        broken(`(${messageOf(error)})`)
      }
    }
  }

  private pass(line: string, message: { type: string }): void {
    if (isMirrorFrame(message)) this.parts.mirrored(message)
    else if (!this.isCut) this.stdout.write(`${line.replace(lineEnds, escaped)}\n`)
  }

  /** Lets the process wait until there is room for more. */
  private async hold(source: Readable): Promise<void> {
    if (this.holding) return
    this.holding = true
    while (!this.isCut) {
      const full = this.parts.room() ?? (this.stdout.writableNeedDrain ? once(this.stdout, 'drain') : null)
      if (full === null) break
      source.pause()
      await Promise.race([full.catch(() => {}), this.cutting.promise])
    }
    this.holding = false
    source.resume()
  }
}
