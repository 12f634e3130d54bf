import type { SDKResultMessage } from '@anthropic-ai/claude-agent-sdk'
import { describe, expect, it } from 'vitest'
import { endOf, leftOf } from '#agents/claude/engine/end'
import { outcomeOf } from '#runners/session/outcome'

const run = { id: '4f1c2a7e-0000-4000-8000-000000000000' }
const limits = { maxTurns: 50, maxBudgetUsd: 5, demo: false, budget: null }
const model = {
  inputTokens: 1,
  outputTokens: 2,
  cacheReadInputTokens: 3,
  cacheCreationInputTokens: 4,
  webSearchRequests: 0,
  costUSD: 0.5,
  contextWindow: 0,
  maxOutputTokens: 0,
}

/** A result as a process may report it, which does not always match the types. */
function result(fields: Record<string, unknown>): SDKResultMessage {
  const usual = { type: 'result', is_error: true, num_turns: 3, total_cost_usd: 1, session_id: 's' }
  return { ...usual, ...fields } as unknown as SDKResultMessage
}

const success = { subtype: 'success', is_error: false, result: 'ok', stop_reason: 'end_turn' }

const dataOf = (fields: Record<string, unknown>, parts = limits) =>
  outcomeOf(run, endOf(result(fields), parts)).data

describe('the end of a session', () => {
  it('the end of a session names its cause in a word and in a sentence', () => {
    const rows: [Record<string, unknown>, reason: string, error: string][] = [
      [{ subtype: 'error_max_turns' }, 'error_max_turns', 'It reached its limit of 50 turns'],
      [{ subtype: 'error_max_budget_usd' }, 'error_max_budget_usd', 'It reached its budget of $5.00'],
      [{ subtype: 'error_during_execution', errors: ['a', '', 'b'] }, 'error_during_execution', 'a; b'],
      [
        { subtype: 'error_during_execution' },
        'error_during_execution',
        'The agent failed without saying why',
      ],
      [
        { subtype: 'success', terminal_reason: 'api_error', api_error_status: 401, result: 'x' },
        'authentication_failed',
        'The model provider refused the API key (401): check ANTHROPIC_API_KEY',
      ],
      [
        { subtype: 'success', terminal_reason: 'api_error', api_error_status: 529, result: 'Overloaded' },
        'api_error',
        "The model's API failed (529): Overloaded",
      ],
      [
        { subtype: 'success', terminal_reason: 'prompt_too_long', result: 'Prompt is too long' },
        'prompt_too_long',
        'Prompt is too long',
      ],
      [
        { subtype: 'error_of_tomorrow', errors: [] },
        'error_of_tomorrow',
        'The agent ended: error_of_tomorrow',
      ],
    ]
    for (const [fields, reason, error] of rows) {
      expect(dataOf(fields)).toEqual({ sessionId: run.id, state: 'errored', reason, error })
    }
    const cheap = dataOf({ subtype: 'error_max_budget_usd' }, { ...limits, maxBudgetUsd: 0.005 })
    expect(cheap.error).toBe('It reached its budget of $0.005')
  })

  it('a session has succeeded only if its model was asked and finished by itself', () => {
    const finished = [
      {},
      { stop_reason: 'stop_sequence' },
      { terminal_reason: 'completed' },
      { terminal_reason: 'completed', stop_reason: null },
      { stop_reason: 'tool_use', structured_output: { answer: 42 } },
    ]
    for (const fields of finished) {
      expect(dataOf({ ...success, ...fields }), JSON.stringify(fields)).toMatchObject({ state: 'completed' })
    }
    const stopped = (reason: string) => `The model stopped before it had finished (${reason})`
    const rows: [Record<string, unknown>, reason: string, error: string][] = [
      [{ num_turns: 0, stop_reason: null }, 'not_asked', 'The model was never asked: ok'],
      [{ num_turns: 0, result: '' }, 'not_asked', 'The model was never asked'],
      [{ num_turns: undefined, stop_reason: null }, 'not_asked', 'The model was never asked: ok'],
      [{ stop_reason: 'pause_turn' }, 'pause_turn', stopped('pause_turn')],
      [{ stop_reason: 'max_tokens' }, 'max_tokens', stopped('max_tokens')],
      [{ stop_reason: 'tool_use' }, 'tool_use', stopped('tool_use')],
      [{ stop_reason: 'of_tomorrow' }, 'of_tomorrow', stopped('of_tomorrow')],
      [{ stop_reason: 'two words' }, 'unknown_stop', stopped('two words')],
      [{ stop_reason: null }, 'unknown_stop', stopped('no reason was given')],
      [
        { terminal_reason: 'tool_deferred' },
        'tool_deferred',
        'The agent stopped before it had finished (tool_deferred)',
      ],
    ]
    for (const [fields, reason, error] of rows) {
      const expected = { sessionId: run.id, state: 'errored', reason, error }
      expect(dataOf({ ...success, ...fields }), JSON.stringify(fields)).toEqual(expected)
    }
  })

  it('the usage of a session is the sum over all models', () => {
    const fields = { ...success, modelUsage: { a: model, b: model } }
    const { usage, state } = outcomeOf(run, endOf(result(fields), limits))
    expect(state).toBe('completed')
    const one = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheCreationTokens: 4, costUsd: 0.5 }
    expect(usage).toEqual({
      inputTokens: 2,
      outputTokens: 4,
      cacheReadTokens: 6,
      cacheCreationTokens: 8,
      costUsd: 1,
      turns: 3,
      byModel: { a: one, b: one },
    })
  })

  it('the usage of a session is priced by the configuration, where that has prices', () => {
    const fields = { ...success, modelUsage: { a: model, b: model } }
    const priced = {
      usd: 5,
      isSpent: false,
      spentUsd: 0.25,
      costUsd: 0.25,
      priceOf: (name: string) => ({ input: name === 'a' ? 1e6 : 0, output: 0 }),
    }
    const { usage } = outcomeOf(run, endOf(result(fields), { ...limits, budget: priced }))
    // Of `a`: 1 of input, 3 read and 4 written, which cost as much as input.
    expect(usage).toMatchObject({ costUsd: 0.25, byModel: { a: { costUsd: 8 }, b: { costUsd: 0 } } })
    const unknown = endOf(result(fields), { ...limits, budget: { ...priced, costUsd: null } })
    expect(unknown.usage).toMatchObject({ costUsd: 1, byModel: { a: { costUsd: 0.5 } } })
  })

  it('what counted towards the budget is taken from it when the run is woken, also requests that the SDK knows nothing of', () => {
    const budget = {
      usd: 5,
      isSpent: false,
      spentUsd: 3,
      costUsd: null,
      priceOf: () => ({ input: 0, output: 0 }),
    }
    const first = endOf(result(success), { ...limits, budget }).usage ?? null
    expect(first).toMatchObject({ costUsd: 1, countedUsd: 3 })
    expect(leftOf(5, first)).toBe(2)
    const woken = (spentUsd: number, costUsd: number | null) =>
      endOf(result(success), { ...limits, budget: { ...budget, spentUsd, costUsd }, woken: { usage: first } })
    expect(woken(0.5, 0.5).usage).toMatchObject({ costUsd: 1.5, countedUsd: 3.5 })
    expect(leftOf(5, woken(1.5, null).usage)).toBe(0.5)
  })

  it('a request that the budget refused ends the session with the budget as its reason', () => {
    const refused = { subtype: 'success', api_error_status: 403, result: 'API Error: 403' }
    const budget = {
      usd: 0.5,
      isSpent: true,
      spentUsd: 0.49,
      costUsd: 0.49,
      priceOf: () => ({ input: 1, output: 1 }),
    }
    expect(outcomeOf(run, endOf(result(refused), { ...limits, budget })).data).toMatchObject({
      reason: 'error_max_budget_usd',
      error: 'It reached its budget of $0.50',
    })
    const other = { ...limits, budget: { ...budget, isSpent: false } }
    expect(outcomeOf(run, endOf(result(refused), other)).data).toMatchObject({ reason: 'api_error' })
  })

  it('the figures of a session are numbers, whatever a process reports', () => {
    const fields = {
      subtype: 'success',
      is_error: false,
      result: { no: 'text' },
      session_id: { no: 'text' },
      num_turns: 'x',
      total_cost_usd: '1e9',
      permission_denials: 3,
      modelUsage: { a: { inputTokens: 'x', outputTokens: -5 }, b: null },
    }
    const { result: kept, usage } = outcomeOf(run, endOf(result(fields), limits))
    expect(kept).toMatchObject({ text: '', sessionId: expect.any(String), numTurns: 0, permissionDenials: 0 })
    const nothing = {
      inputTokens: 0,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
      costUsd: 0,
    }
    expect(usage).toEqual({ ...nothing, turns: 0, byModel: { a: nothing, b: nothing } })
    expect(dataOf({ subtype: 'error_during_execution', errors: 'one text' }).error).toBe('one text')
  })
})
