/**
 * The process of one call of a tool.
 *
 * Owns: the process and the timer of its time limit. Both are gone when `close()` has resolved.
 * Invariants: once the call's signal is aborted the tree is being ended, whether or not anybody reads the output;
 * the cause that came first (time, abort) is the one that is reported.
 */
import type { ProcessExit, SandboxedProcess } from '@millrace/sandbox'
import { type Clock, monotonicClock } from '#time/clock'
import { CallEnd, type ToolContext } from './tool.ts'

type SandboxedCommand = Parameters<ToolContext['sandbox']['spawn']>[0]

export interface CallCommand extends Pick<SandboxedCommand, 'argv' | 'env' | 'network'> {
  stdin: 'none' | 'pipe'
  timeoutSeconds: number
  readPaths?: readonly string[]
  homeFiles?: ReadonlyMap<string, string>
  cacheOwner?: string
}

interface Started {
  process: SandboxedProcess
  context: ToolContext
  timeoutSeconds: number
  takenAway: readonly string[]
}

/** Why a process was ended from outside. */
export type Cut = 'aborted' | 'timeout'

/** An aborted call is over within two seconds, together with everything it started. Its end may grant less. */
const callGraceMs = 1000

export class CallProcess {
  readonly process: SandboxedProcess
  cut: Cut | null = null
  /** Absolute paths of files that the call made and that were taken out of the project. */
  readonly takenAway: readonly string[]
  readonly #signal: AbortSignal
  readonly #cancelTimer: () => void
  readonly #abort: () => void

  /** Rejects if the process cannot be started. */
  static async start(context: ToolContext, command: CallCommand, clock: Clock = monotonicClock) {
    const { runId, sandbox, projectPath, cwd, limits } = context
    const { timeoutSeconds, ...rest } = command
    const takenAway: string[] = []
    const process = await sandbox.spawn({
      ...rest,
      onTakenAway: ({ path }) => void takenAway.push(path),
      runId,
      cwd,
      projectPath,
      limits,
      allowNestedSandbox: false,
    })
    return new CallProcess({ process, context, timeoutSeconds, takenAway }, clock)
  }

  private constructor({ process, context, timeoutSeconds, takenAway }: Started, clock: Clock) {
    this.process = process
    this.takenAway = takenAway
    this.#signal = context.signal
    this.#abort = () => this.#end('aborted', graceOf(this.#signal.reason))
    this.#cancelTimer = clock.after(timeoutSeconds * 1000, () => this.#end('timeout', callGraceMs))
    this.#signal.addEventListener('abort', this.#abort)
    if (this.#signal.aborted) this.#abort()
    // A failure of the store aborts the run by itself.
    context.recordProcess({ pid: process.pid, startTime: process.startTime }).catch(() => {})
  }

  get exited(): Promise<ProcessExit> {
    return this.process.exited
  }

  /** Ends the tree, and drops what it has printed and nobody has read. */
  async close(): Promise<void> {
    this.#cancelTimer()
    this.#signal.removeEventListener('abort', this.#abort)
    await this.process.end(0)
    this.process.stdout.destroy()
    this.process.stderr.destroy()
  }

  #end(cut: Cut, grace: number): void {
    this.cut ??= cut
    void this.process.end(grace)
  }
}

function graceOf(reason: unknown): number {
  return reason instanceof CallEnd ? Math.min(reason.graceMs, callGraceMs) : callGraceMs
}
