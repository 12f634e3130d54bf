/**
 * What happens when the output of the program cannot be written: the reader of a pipe has left, or a disk is full.
 *
 * A command ends, since nobody receives what it does. A server must not: its runs do not depend on who reads its log. It
 * drops the lines that cannot be written, and counts them.
 */
import type { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import { exitCodes } from './exit-codes.ts'

export class OutputGuard {
  #dropped = 0
  #surviving = false
  readonly #exit: (code: number) => void
  readonly #report: (line: string) => void

  constructor(
    streams: readonly Pick<EventEmitter, 'on'>[],
    exit: (code: number) => void = (code) => process.exit(code),
    report: (line: string) => void = reportOnStderr,
  ) {
    this.#exit = exit
    this.#report = report
    for (const stream of streams) stream.on('error', (error: NodeJS.ErrnoException) => this.#failed(error))
  }

  /** From here on, output that cannot be written is dropped. Returns the function that counts what was dropped. */
  survive(): () => number {
    this.#surviving = true
    return () => this.#dropped
  }

  #failed({ code, message }: NodeJS.ErrnoException): void {
    if (this.#surviving) {
      this.#dropped += 1
      return
    }
    // `millrace follow … | head`: a reader that has left is not a failure worth a message.
    if (code !== 'EPIPE') this.#report(`millrace: the output cannot be written: ${message}\n`)
    this.#exit(code === 'EPIPE' ? exitCodes.brokenPipe : exitCodes.unavailable)
  }
}

/** Past the stream, which may be the one that failed. */
function reportOnStderr(line: string): void {
  try {
    writeSync(2, line)
  } catch {
    // The exit code remains.
  }
}
