/** What the views of all kinds of runs have in common. */
import { lifecycleTypes } from '#events'
import { finalStateOf, isFinal, type RunKind, type RunState } from '#runs'
import type { ViewBounds } from './bounds.ts'

/** One event as it is in the log or comes from a stream. */
export interface ViewEvent {
  readonly seq: number
  readonly type: string
  readonly data: unknown
}

export interface RunPart<Kind extends RunKind = RunKind> {
  readonly kind: Kind
  readonly state: RunState
  /** `seq` of the last event taken in. */
  readonly head: number
  /** Why the run did not complete, for a person. */
  readonly error: string | null
  readonly bounds: ViewBounds
}

export function newRun<Kind extends RunKind>(kind: Kind, bounds: ViewBounds): RunPart<Kind> {
  return { kind, state: 'queued', head: 0, error: null, bounds }
}

/** Takes the event's number and what it says of the run's state. */
export function advance<V extends RunPart>(view: V, event: ViewEvent): V {
  const state = stateAfter(view, event)
  const error = isFinal(state) && state !== 'completed' ? errorOf(event.data) : view.error
  return { ...view, head: event.seq, state, error }
}

function stateAfter({ kind, state }: RunPart, event: ViewEvent): RunState {
  if (event.type === lifecycleTypes.queued) return 'queued'
  if (event.type === lifecycleTypes.started) return 'running'
  return finalStateOf(kind, event) ?? state
}

/** The kinds say it in three ways: a job's `message`, a session's `error` or `reason`, an execution's `error`. */
function errorOf(data: unknown): string | null {
  const { message, error, reason } = recordOf(data)
  return (
    ([message, error, reason].find((one) => typeof one === 'string' && one !== '') as string | null) ?? null
  )
}

/** The fields of a value that should be an object; none of what is not one. */
export function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

export function stringOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
