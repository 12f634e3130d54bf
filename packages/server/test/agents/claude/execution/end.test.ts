import { describe, expect, it } from 'vitest'
import type { AgentEnd } from '#agents/agent'
import { executionEndOf } from '#agents/claude/execution/end'

const usage = {
  tokens: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 0, cacheCreationTokens: 0 },
  costUsd: 0.5,
}

function endOf(reason: string, stopReason: string | null = null): AgentEnd {
  const errored: AgentEnd = {
    state: 'errored',
    reason,
    error: 'Why.',
    result: { text: 'No.', more: 1 },
    usage: {},
  }
  return executionEndOf(errored, { usage, stopReason } as unknown as Parameters<typeof executionEndOf>[1])
}

describe('the end of an execution', () => {
  it('an execution whose agent failed names one code of the closed list, with the words of its agent', () => {
    const rows: [reason: string, stopReason: string | null, code: string][] = [
      ['api_error', 'refusal', 'refused'],
      ['api_error', 'max_tokens', 'max_tokens'],
      ['api_error', 'model_context_window_exceeded', 'context_overflow'],
      ['api_error', 'end_turn', 'provider_error'],
      ['api_error', null, 'provider_error'],
      ['max_tokens', null, 'max_tokens'],
      ['pause_turn', 'pause_turn', 'provider_error'],
      ['prompt_too_long', null, 'context_overflow'],
      ['authentication_failed', null, 'provider_error'],
      ['error_max_turns', null, 'max_iterations'],
      ['error_max_budget_usd', null, 'budget'],
      ['aborted', null, 'cancelled'],
      ['not_resumable', null, 'not_resumable'],
      ['crashed', null, 'agent_crashed'],
      // What the model gave as its reason explains an error of the API alone.
      ['crashed', 'refusal', 'agent_crashed'],
    ]
    for (const [reason, stopReason, code] of rows) {
      expect(endOf(reason, stopReason), `${reason}, ${stopReason}`).toEqual({
        state: 'errored',
        reason: code,
        error: 'Why.',
        result: { text: 'No.' },
        usage,
      })
    }
  })
})
