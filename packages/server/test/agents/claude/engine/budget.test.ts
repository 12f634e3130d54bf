/** The budget of real sessions and executions, whose models have a price. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from '@millrace/scripted-model'
import { describe, expect, it } from 'vitest'
import { configuredPrices } from '#agents/gateway/prices'
import { openExecutions } from '#test/agents/claude/support/executions'
import { openSessions, say, serve, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const executions = openExecutions()

/** Input is cheap, since the prompts of the SDK's process are long; and the shortest answer that is asked for is not. */
const prices = configuredPrices([{ provider: 'anthropic', price: { input: 1, output: 200 } }])
const options = { prices }
/** Costs $0.052. */
const usage = { input_tokens: 2000, output_tokens: 250 }

const endless = (more: object = {}): Step => ({
  reply: { content: [{ type: 'tool_use', name: 'Bash', input: { command: 'true' } }], usage, ...more },
})

const spentBy = (outcome: { usage: Record<string, unknown> | null }) => Number(outcome.usage?.costUsd)
const lengths = (model: { requests: readonly { path: string; body: unknown }[] }) =>
  model.requests
    .filter(({ path }) => path === '/v1/messages')
    .map(({ body }) => (body as { max_tokens: number }).max_tokens)

describe('the budget of a session', () => {
  it('a session ends before it exceeds its budget, and asks for no longer answer than that pays for', async () => {
    const model = await serve([endless()])
    const { outcome } = await sessions.run(model, { agent: { maxBudgetUsd: 0.3 }, options })
    expect(outcome.data).toMatchObject({
      state: 'errored',
      reason: 'error_max_budget_usd',
      error: 'It reached its budget of $0.30',
    })
    expect(spentBy(outcome)).toBeGreaterThan(0.2)
    expect(spentBy(outcome)).toBeLessThanOrEqual(0.3)
    const asked = lengths(model)
    expect(Math.max(...asked) * 200e-6).toBeLessThanOrEqual(0.3)
    expect(asked.at(-1)).toBeLessThan(asked[0] ?? 0)
  })

  it('subagents that work at the same time stay within the budget of the session together', async () => {
    const agents = ['one', 'two', 'three', 'four'].map((name) => ({
      type: 'tool_use' as const,
      name: 'Agent',
      input: { description: name, prompt: `Help ${name}`, subagent_type: 'general-purpose' },
    }))
    const model = await serve([
      { when: { prompt: { regex: '^Help' } }, ...endless() },
      { when: { turn: 1 }, reply: { content: agents, usage } },
      say('Done.'),
    ])
    const { outcome, context } = await sessions.run(model, { agent: { maxBudgetUsd: 0.5 }, options })
    expect(outcome.data).toMatchObject({ reason: 'error_max_budget_usd' })
    expect(context.of('assistant').length).toBeGreaterThan(0)
    expect(spentBy(outcome)).toBeGreaterThan(0.3)
    expect(spentBy(outcome)).toBeLessThanOrEqual(0.5)
  })

  it('a program of the agent that asks the model itself spends from the budget of its session, and no more', async () => {
    const ask = [
      'for round in $(seq 40); do curl -s -o /dev/null -w "%{http_code} " "$ANTHROPIC_BASE_URL/v1/messages"',
      '-H "Authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -H "content-type: application/json"',
      `-d '{"model":"x","max_tokens":250,"messages":[{"role":"user","content":"from a program"}]}'; done`,
    ].join(' ')
    // The policy refuses commands that name the token; a program that the agent has written may do so.
    writeFileSync(join(sessions.project, 'ask.sh'), ask)
    const model = await serve([
      { when: { text: 'from a program' }, reply: { content: [{ type: 'text', text: 'Yes' }], usage } },
      use('Bash', { command: 'sh ask.sh' }),
      say('Done.'),
    ])
    const { outcome, context } = await sessions.run(model, { agent: { maxBudgetUsd: 0.6 }, options })
    expect(outcome.data).toMatchObject({ reason: 'error_max_budget_usd' })
    expect(JSON.stringify(context.of('user'))).toMatch(/200 (200 )*403 (403 )+/)
    expect(spentBy(outcome)).toBeGreaterThan(0.4)
    expect(spentBy(outcome)).toBeLessThanOrEqual(0.6)
  })

  it('a request that the API refuses for now is repeated, and costs nothing', async () => {
    const model = await serve([
      { when: {}, times: 2, reply: { error: 'overloaded_error', retryAfterSeconds: 0 } },
      { when: {}, reply: { content: [{ type: 'text', text: 'Done.' }], usage } },
    ])
    const { outcome } = await sessions.run(model, { agent: { maxBudgetUsd: 10 }, options })
    expect(outcome).toMatchObject({ state: 'completed' })
    expect(spentBy(outcome)).toBeCloseTo(0.052)
    expect(lengths(model)).toHaveLength(3)
  })
})

describe('the limit of an execution in US dollars', () => {
  it('an execution with a limit of $0.01 ends with budget before it has spent more', async () => {
    const model = await serve([endless({ usage: { input_tokens: 10, output_tokens: 1 } })])
    const { end, moves } = await executions.run(model, { limits: { usd: 0.01 }, options })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'budget',
      error: 'It reached its budget of $0.01',
    })
    const costs = moves.flatMap((move) => (move.move === 'usage' ? [move.costUsd] : []))
    expect(end.usage?.costUsd).toBeLessThanOrEqual(0.01)
    expect(costs.at(-1)).toBe(end.usage?.costUsd)
    expect(costs).not.toContain(null)
  })

  it('a limit in dollars refuses a model without a price, whatever the SDK resolves a short name to', async () => {
    const model = await serve([say('Hello')])
    const some = configuredPrices([
      { provider: 'anthropic', model: 'claude-priced', price: { input: 1, output: 200 } },
    ])
    const { end } = await executions.run(model, {
      options: { prices: some },
      limits: { usd: 1 },
      model: 'claude:opus',
    })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'provider_error',
      error: expect.stringMatching(/claude-opus\S* has no price in "models"/),
    })
    expect(lengths(model)).toEqual([])
    // The SDK asks no other model on its own.
    const { end: priced } = await executions.run(
      await serve([{ reply: { content: [{ type: 'text', text: 'Hello' }], usage } }]),
      {
        options: { prices: some },
        limits: { usd: 1 },
        model: 'claude:claude-priced',
      },
    )
    expect(priced).toMatchObject({ state: 'completed', usage: { costUsd: 0.052 } })
    const { end: sessionLike } = await executions.run(model, {
      options: { prices: some },
      model: 'claude:opus',
    })
    expect(sessionLike).toMatchObject({ state: 'completed' })
  })
})
