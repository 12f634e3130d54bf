/**
 * The exit codes of the command line.
 *
 * `run` and `follow` end with the code of the run; 2 and 125 to 128 are our own, as with `docker run` and
 * most shells, so that a tool's code is rarely mistaken for ours.
 */
import { constants } from 'node:os'
import { type ExecutionResponse, type FinalState, finalStateOf, type RunKind } from '@millrace/protocol'

export const exitCodes = {
  ok: 0,
  /** `doctor` found something broken, or the server failed. */
  failed: 1,
  /** The command line itself was wrong. */
  usage: 2,
  /** sysexits EX_TEMPFAIL: the server stopped or crashed during the run; a `retry` makes sense. */
  interrupted: 75,
  /** sysexits EX_CONFIG: a restart does not help (systemd: RestartPreventExitStatus=78). */
  config: 78,
  /** Like `timeout(1)`: the run took longer than its tool allows. */
  timedOut: 124,
  /** Millrace itself failed: no server, refused, gave up waiting. Says nothing about the run. */
  unavailable: 125,
  /** 128 + SIGINT: the run was aborted, or Ctrl-C ended this command. */
  aborted: 130,
  /** 128 + SIGPIPE: nobody reads our output any longer. */
  brokenPipe: 141,
} as const

/** Returns the code for a run's terminal event; undefined for any other event. */
export function exitCodeOfEvent(kind: RunKind, event: { type: string; data: unknown }): number | undefined {
  const state = finalStateOf(kind, event)
  return state === undefined ? undefined : exitCodeOfRun(kind, state, event.data)
}

/** `result` is a job's ExecutionResponse; other kinds have no code of their own. */
export function exitCodeOfRun(kind: RunKind, state: FinalState, result: unknown): number {
  switch (state) {
    case 'completed':
      return kind === 'job' ? exitCodeOfJob((result ?? {}) as Partial<ExecutionResponse>) : exitCodes.ok
    case 'errored':
      return exitCodes.failed
    case 'aborted':
      return exitCodes.aborted
    case 'interrupted':
      return exitCodes.interrupted
    default:
      return state satisfies never
  }
}

function exitCodeOfJob(result: Partial<ExecutionResponse>): number {
  if (result.timedOut) return exitCodes.timedOut
  if (typeof result.exitCode === 'number') return result.exitCode & 0xff
  return result.signal ? exitCodeOfSignal(result.signal) : exitCodes.failed
}

export function exitCodeOfSignal(signal: string): number {
  const number = (constants.signals as Record<string, number | undefined>)[signal]
  return number === undefined ? exitCodes.failed : 128 + number
}
