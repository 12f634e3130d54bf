/** How a session ended, in the words of its terminal event. */
import type { EndCause, FinalState, Run, SessionEndEvent } from '@millrace/protocol'
import type { AgentEnd } from '#agents/agent'
import type { RunOutcome } from '#runners/runner'

const errorCharsMax = 2000

export function outcomeOf(run: Pick<Run, 'id'>, end: AgentEnd): RunOutcome {
  const { result, usage } = end
  if (end.state === 'errored') return { ...errored(run, end.reason, end.error), result, usage }
  const data: SessionEndEvent = { sessionId: run.id, state: 'completed' }
  return { state: 'completed', data: { ...data }, result, error: null, usage }
}

/** A session without a result. `reason` is one word, `error` for a person. */
export function errored(run: Pick<Run, 'id'>, reason: string, error: string): RunOutcome {
  const message = error.length <= errorCharsMax ? error : `${error.slice(0, errorCharsMax)} …`
  const data: SessionEndEvent = { sessionId: run.id, state: 'errored', reason, error: message }
  return { state: 'errored', data: { ...data }, result: null, error: { message, reason }, usage: null }
}

/** A session that was ended from outside, or that the runner itself failed at. */
export function endedData(
  run: Pick<Run, 'id'>,
  state: Exclude<FinalState, 'completed'>,
  message: string,
  cause: EndCause | null,
): Record<string, unknown> {
  const data: SessionEndEvent = { sessionId: run.id, state, reason: cause ?? 'internal', error: message }
  return { ...data }
}
