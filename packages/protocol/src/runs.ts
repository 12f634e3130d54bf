/**
 * Runs: kinds, states, and the one table of legal state changes.
 *
 * `queued → starting → running → completed | errored | aborted | interrupted`; any open state may end.
 */

/** What does the work of a run. `external` runs are driven by another program through HTTP. */
export const runKinds = ['job', 'session', 'execution', 'external'] as const
export type RunKind = (typeof runKinds)[number]

export const openStates = ['queued', 'starting', 'running'] as const
export type OpenState = (typeof openStates)[number]

export const finalStates = ['completed', 'errored', 'aborted', 'interrupted'] as const
export type FinalState = (typeof finalStates)[number]

export const runStates = [...openStates, ...finalStates] as const
export type RunState = (typeof runStates)[number]

export function isFinal(state: RunState): state is FinalState {
  return (finalStates as readonly RunState[]).includes(state)
}

/** How a run ended: a job that ran and failed is `completed`, and its outcome is `failure`. */
export const runOutcomes = ['success', 'failure', 'aborted', 'interrupted'] as const
export type RunOutcome = (typeof runOutcomes)[number]

/** The outcome of a run from its state and, for a job, its `ExecutionResponse`; null while the run is open. */
export function outcomeOf(kind: RunKind, state: RunState, result: unknown): RunOutcome | null {
  switch (state) {
    case 'queued':
    case 'starting':
    case 'running':
      return null
    case 'completed':
      if (kind !== 'job') return 'success'
      return (result as { success?: unknown } | null | undefined)?.success === true ? 'success' : 'failure'
    case 'errored':
      return 'failure'
    case 'aborted':
    case 'interrupted':
      return state
    default:
      return state satisfies never
  }
}

/** Why a run was made to end from outside. The first cause recorded wins. `quota`: its owner's runs take more than they may. */
export const endCauses = ['abort', 'shutdown', 'crash', 'quota'] as const
export type EndCause = (typeof endCauses)[number]

/**
 * May a run go from one state to the other?
 *
 * A final state is left by nothing; an open one may end in any way, and otherwise only moves forward.
 */
export function canMove(from: RunState, to: RunState): boolean {
  switch (from) {
    case 'queued':
      return to === 'starting' || isFinal(to)
    case 'starting':
      return to === 'running' || isFinal(to)
    case 'running':
      return isFinal(to)
    case 'completed':
    case 'errored':
    case 'aborted':
    case 'interrupted':
      return false
    default:
      return from satisfies never
  }
}

/**
 * The type of the terminal event with which a run of a kind enters a final state
 * (docs/protocol.md).
 */
export function terminalType(kind: RunKind, state: FinalState): string {
  switch (kind) {
    case 'job':
      return state === 'completed' ? 'complete' : 'error'
    case 'session':
      return state
    case 'execution':
    case 'external':
      if (state === 'completed') return 'execution:complete'
      return state === 'interrupted' ? 'execution:interrupted' : 'execution:error'
    default:
      return kind satisfies never
  }
}

/** The final state a terminal event stands for; undefined when the event is not terminal. */
export function finalStateOf(kind: RunKind, event: { type: string; data: unknown }): FinalState | undefined {
  const candidates = finalStates.filter((state) => terminalType(kind, state) === event.type)
  if (candidates.length <= 1) return candidates[0]
  // Several final states share a type (a job's `error`, an execution's `execution:error`): the data decides.
  const data = (event.data ?? {}) as { state?: unknown; code?: unknown }
  const named = candidates.find((state) => state === data.state)
  if (named !== undefined) return named
  return data.code === 'cancelled' && candidates.includes('aborted') ? 'aborted' : 'errored'
}

/** A run as every face that shows runs shows it. All times are milliseconds since the epoch. */
export interface Run {
  /** A UUID. */
  id: string
  kind: RunKind
  /** Name of the project, or null where the run has none. */
  project: string | null
  /** Name of the user who started it. */
  owner: string
  state: RunState
  /** Null while the run is open. */
  outcome: RunOutcome | null
  /** What was asked for, as it was asked. */
  spec: Record<string, unknown>
  /** How often it was claimed; 0 while it waits for the first time. */
  attempt: number
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
  result: unknown
  error: ({ message: string } & Record<string, unknown>) | null
  usage: Record<string, unknown> | null
  /** `seq` of the newest event. */
  head: number
  /** The run whose spec this one runs again. */
  retryOf: string | null
  /** The run whose conversation this one continues. */
  resumes: string | null
  /** The run whose conversation, up to some event, this one begins with. */
  forkOf: string | null
}
