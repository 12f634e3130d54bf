/**
 * What a log says about its run. The server derives a run's row with it in tests, and clients build
 * their view of a run from nothing but its events.
 */
import type { LogEvent } from './events.ts'
import { lifecycleTypes } from './events.ts'
import { type FinalState, finalStates, isFinal, type RunKind, type RunState, terminalType } from './runs.ts'

export interface RunView {
  kind: RunKind
  state: RunState
  /** `seq` of the last event taken in. */
  head: number
  /** How many events came in twice and were passed over. */
  duplicates: number
}

export function initialView(kind: RunKind): RunView {
  return { kind, state: 'queued', head: 0, duplicates: 0 }
}

/** Thrown when an event does not continue the log a view was built from. */
export class LogGapError extends Error {
  override readonly name = 'LogGapError'
}

/**
 * Takes one event into the view. An event seen before changes nothing; a gap, or an event after the
 * terminal one, is an error of whoever delivered it.
 */
export function reduceRun(view: RunView, event: LogEvent): RunView {
  if (event.seq <= view.head) return { ...view, duplicates: view.duplicates + 1 }
  if (event.seq !== view.head + 1) throw new LogGapError(`event ${event.seq} after ${view.head}`)
  if (isFinal(view.state)) throw new LogGapError(`event ${event.seq} after the terminal event ${view.head}`)
  return { ...view, head: event.seq, state: nextState(view, event) }
}

function nextState(view: RunView, event: LogEvent): RunState {
  if (event.type === lifecycleTypes.queued) return 'queued'
  if (event.type === lifecycleTypes.started) return 'running'
  return finalStateOf(view.kind, event) ?? view.state
}

/** The final state a terminal event stands for, or undefined when the event is not terminal. */
export function finalStateOf(kind: RunKind, event: { type: string; data: unknown }): FinalState | undefined {
  const candidates = finalStates.filter((state) => terminalType(kind, state) === event.type)
  if (candidates.length <= 1) return candidates[0]
  // Several final states share a type (a job's `error`, an execution's `execution:error`): the data tells.
  const data = (event.data ?? {}) as { state?: unknown; code?: unknown }
  const named = candidates.find((state) => state === data.state)
  if (named !== undefined) return named
  return data.code === 'cancelled' && candidates.includes('aborted') ? 'aborted' : 'errored'
}
