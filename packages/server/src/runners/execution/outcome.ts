/** How an execution ended, in the words of its terminal event. */
import {
  type EndCause,
  type ExecutionErrorCode,
  type ExecutionEvents,
  type FinalState,
  isExecutionErrorCode,
} from '@millrace/protocol'
import type { AgentEnd } from '#agents/agent'
import type { RunOutcome } from '#runners/runner'
import type { Story } from './story.ts'

const errorCharsMax = 2000

export function outcomeOf(
  end: AgentEnd,
  { duration, tokensUsed }: Pick<Story, 'duration' | 'tokensUsed'>,
): RunOutcome {
  const { result, usage } = end
  if (end.state === 'errored') {
    const code = isExecutionErrorCode(end.reason) ? end.reason : 'internal'
    return { ...errored(code, end.error), result, usage }
  }
  const data: ExecutionEvents['execution:complete'] = { result, duration, tokensUsed }
  return { state: 'completed', data, result, error: null, usage }
}

/** `error` is for a person. */
export function errored(code: ExecutionErrorCode, error: string): RunOutcome {
  const message = error.length <= errorCharsMax ? error : `${error.slice(0, errorCharsMax)} …`
  const data: ExecutionEvents['execution:error'] = { error: message, code }
  return { state: 'errored', data, result: null, error: { message, code }, usage: null }
}

function codeOf(cause: EndCause | null): ExecutionErrorCode {
  if (cause === 'abort') return 'cancelled'
  return cause === 'quota' ? 'quota' : 'internal'
}

/** An execution that was ended from outside, or that the runner itself failed at. */
export function endedData(
  _run: unknown,
  state: Exclude<FinalState, 'completed'>,
  message: string,
  cause: EndCause | null,
): Record<string, unknown> {
  if (state === 'interrupted') return { error: message }
  return { error: message, code: codeOf(cause) }
}
