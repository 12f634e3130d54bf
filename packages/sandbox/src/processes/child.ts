/**
 * A started process of a run, with or without a boundary around it.
 *
 * Owns: the child, the watch over its limits, and what was set up for the run (`release`, called once, when no
 * process is left).
 * Invariant: when the first process has ended, the rest of the tree is ended, so `exited` and `end()` settle with
 * no process left. A foreign process that keeps a pipe open cannot delay the run.
 */
import type { ChildProcess } from 'node:child_process'
import { PassThrough, type Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LimitWatch } from '#limits'
import type { Breach, ProcessExit, ProcessLimits, SandboxedProcess } from '#sandbox'
import type { OutputPipe } from './output-pipes.ts'
import { endTree, type ProcessTree } from './tree.ts'

/** A pipe of a child, and the stream that its reader gets: the same one, where nothing discards what the pipe holds. */
export interface KeptPipe {
  pipe: Readable
  kept: Readable
}

export interface ChildParts {
  child: ChildProcess
  stdio: { stdin: Writable | null; stdout: KeptPipe; stderr: KeptPipe }
  pid: number
  startTime: number
  tree: ProcessTree
  /** Derives how the program ended from how the child ended. `ended`: we ended it. */
  exitOf(
    code: number | null,
    signal: NodeJS.Signals | null,
    ended: boolean,
  ): ProcessExit | Promise<ProcessExit>
  limits: ProcessLimits
  /** See `Watched`. */
  scratch(): readonly string[]
  watch: LimitWatch
  release(): void
}

/** How long a pipe may stay open and silent, with no process of the run left, before it is closed. */
const silentPipeMs = 500

export class RunningChild implements SandboxedProcess {
  readonly pid: number
  readonly startTime: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<ProcessExit>
  breach: Breach | undefined
  private readonly parts: ChildParts
  private readonly left: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  private readonly gone: Promise<void>
  private ended = false
  private hasLeft = false

  constructor(parts: ChildParts) {
    this.parts = parts
    this.pid = parts.pid
    this.startTime = parts.startTime
    this.stdin = parts.stdio.stdin ?? noInput()
    const { stdout, stderr } = parts.stdio
    this.stdout = stdout.kept
    this.stderr = stderr.kept
    // A child that does not read its input must not crash the server.
    this.stdin.on('error', () => {})
    const pipes = new Set([stdout.pipe, stderr.pipe, stdout.kept, stderr.kept])
    const closed = Promise.allSettled([...pipes].map((pipe) => finished(pipe, { writable: false })))
    this.left = new Promise((resolve) => {
      const settle = (code: number | null, signal: NodeJS.Signals | null) => {
        this.hasLeft = true
        resolve({ code, signal })
      }
      const { exitCode, signalCode } = parts.child
      if (exitCode !== null || signalCode !== null) settle(exitCode, signalCode)
      else parts.child.once('exit', settle)
    })
    const unwatch = parts.watch.watch({
      limits: parts.limits,
      members: () => parts.tree.members(),
      scratch: () => parts.scratch(),
      breached: (limit) => this.passed(limit),
    })
    this.gone = this.left.then(async () => {
      await endTree(parts.tree, 0)
      unwatch()
      parts.release()
    })
    this.exited = this.settle(closed)
  }

  async end(graceMs: number): Promise<void> {
    if (!this.hasLeft) {
      this.ended = true
      await endTree(this.parts.tree, graceMs)
    }
    await this.gone
  }

  /** Ends the run because of a breach. The first breach counts. */
  passed(limit: Breach): void {
    if (this.hasLeft || this.breach !== undefined) return
    this.breach = limit
    void this.end(0)
  }

  private async settle(closed: Promise<unknown>): Promise<ProcessExit> {
    const { code, signal } = await this.left
    // Read it now: an end() after the program's own end must not change the result.
    const ended = this.ended
    await this.gone
    const stop = new AbortController()
    void this.cutSilentPipes(stop.signal)
    await closed
    stop.abort()
    return this.parts.exitOf(code, signal, ended)
  }

  /** Closes silent pipes. No process of the run can write now, so a foreign process holds such a pipe open. */
  private async cutSilentPipes(stop: AbortSignal): Promise<void> {
    const { stdout, stderr } = this.parts.stdio
    let before = -1
    while (!stop.aborted) {
      await sleep(silentPipeMs, undefined, { signal: stop }).catch(() => {})
      const read = bytesRead(stdout.pipe) + bytesRead(stderr.pipe)
      if (!stop.aborted && read === before && isEmpty(stdout) && isEmpty(stderr)) {
        cut(stdout)
        cut(stderr)
      }
      before = read
    }
  }
}

/** Keeps the outputs of a child: through our own pipes where it has them, else through those that Node made. */
export function keep(
  own: readonly [OutputPipe, OutputPipe] | null,
  { stdout, stderr }: { stdout: Readable; stderr: Readable },
): { stdout: KeptPipe; stderr: KeptPipe } {
  if (own === null) return { stdout: copied(stdout), stderr: copied(stderr) }
  return { stdout: itself(own[0].reader), stderr: itself(own[1].reader) }
}

/** Ours: the pipe holds what nobody has read, and the child pauses when it is full. */
function itself(pipe: Readable): KeptPipe {
  pipe.on('error', () => {})
  return { pipe, kept: pipe }
}

/** Node's: it discards the output of a child that exits before anybody listens, so nothing may be awaited before. */
function copied(pipe: Readable): KeptPipe {
  const kept = new PassThrough()
  pipe.on('error', () => kept.end())
  pipe.on('close', () => kept.end())
  kept.on('error', () => {})
  kept.on('close', () => pipe.destroy())
  pipe.pipe(kept)
  return { pipe, kept }
}

/** Ends a pipe that another process holds open. Its reader finds an end, and no failure. */
function cut({ pipe, kept }: KeptPipe): void {
  if (kept !== pipe) pipe.destroy()
  else if (!pipe.readableEnded && !pipe.destroyed) pipe.push(null)
}

/** The input of a program that reads /dev/null. Discards everything written to it. */
function noInput(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() }).end()
}

function bytesRead(pipe: Readable): number {
  return 'bytesRead' in pipe && typeof pipe.bytesRead === 'number' ? pipe.bytesRead : 0
}

/** Everything that arrived was read, by a listener or by an iterator. A reader that pauses leaves something. */
function isEmpty({ pipe, kept }: KeptPipe): boolean {
  return [pipe, kept].every((stream) => stream.destroyed || stream.readableLength === 0)
}
