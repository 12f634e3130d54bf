/** How an execution ended, in the closed list of codes, from how its agent did. */
import type { ExecutionErrorCode } from '@millrace/protocol'
import type { AgentEnd } from '#agents/agent'
import type { Translator } from '../translate/translator.ts'

export function executionEndOf(
  end: AgentEnd,
  { usage, stopReason }: Pick<Translator, 'usage' | 'stopReason'>,
): AgentEnd {
  const used = { tokens: usage.tokens, costUsd: usage.costUsd }
  const { text = '', demo } = end.result ?? {}
  const result = { text, ...(demo === undefined ? {} : { demo }) }
  if (end.state === 'completed') return { state: 'completed', result, usage: used }
  return { ...end, reason: codeOf(end.reason, stopReason), result, usage: used }
}

/** Why an agent ends → why its execution does. */
const codes: Readonly<Record<string, ExecutionErrorCode>> = {
  aborted: 'cancelled',
  max_tokens: 'max_tokens',
  error_max_turns: 'max_iterations',
  error_max_budget_usd: 'budget',
  authentication_failed: 'provider_error',
  api_error: 'provider_error',
  pause_turn: 'provider_error',
  unknown_stop: 'provider_error',
  malformed_tool_use_exhausted: 'provider_error',
  prompt_too_long: 'context_overflow',
  not_resumable: 'not_resumable',
  internal: 'internal',
}

/** The SDK reports as errors of the API what the model gave as its reason to stop. */
const stopCodes: Readonly<Record<string, ExecutionErrorCode>> = {
  refusal: 'refused',
  max_tokens: 'max_tokens',
  model_context_window_exceeded: 'context_overflow',
}

function codeOf(reason: string, stopReason: string | null): ExecutionErrorCode {
  const stopped = reason === 'api_error' && stopReason !== null ? stopCodes[stopReason] : undefined
  // What is left is about the process: it crashed, was silent, or broke the rules.
  return stopped ?? codes[reason] ?? 'agent_crashed'
}
