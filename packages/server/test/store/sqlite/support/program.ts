/** Starts the programs of these tests; none outlives its test. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Program {
  readonly child: ChildProcessByStdio<Writable, Readable, null>
  readonly lines: AsyncIterableIterator<string>
  /** Resolves with the exit code, or the signal. */
  readonly ended: Promise<number | string>
}

/** `before` stands in front of the program: a tracer and its arguments; `after` behind its data directory. */
export function startProgram(
  name: string,
  dataDir: string,
  before: string[] = [],
  after: string[] = [],
): Program {
  const [command = '', ...args] = [
    ...before,
    process.execPath,
    fileURLToPath(new URL(name, import.meta.url)),
    dataDir,
    ...after,
  ]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal)
  // A traced program must end by itself: if its tracer is killed, it keeps running.
  onTestFinished(async () => {
    child.stdin.destroy()
    if (before.length === 0) child.kill('SIGKILL')
    child.stdout.resume()
    await ended
  })
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), ended }
}
