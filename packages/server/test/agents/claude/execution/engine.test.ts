/** Claude as an engine of executions: plans, tools, limits, ends. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ScriptedModel, Step } from '@millrace/scripted-model'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import type { ClaudeEngineOptions } from '#agents/claude/engine/engine'
import { createClaudeExecutionEngine } from '#agents/claude/execution/engine'
import { planTool } from '#agents/claude/execution/plan'
import { configuredPrices } from '#agents/gateway/prices'
import type { AgentMove } from '#agents/moves'
import { openExecutions } from '#test/agents/claude/support/executions'
import { program, saying } from '#test/agents/claude/support/programs'
import { say, serve, use } from '#test/agents/claude/support/sessions'

const executions = openExecutions()
const isFull = process.env.MILLRACE_TEST_FULL !== undefined
const nowhere = { url: 'http://127.0.0.1:9' }

const plan = (turn: number, look: string, write: string): Step =>
  use(
    planTool,
    {
      goal: 'A greeting',
      phases: [
        { name: 'Look', status: look },
        { name: 'Write', status: write },
      ],
    },
    { turn },
  )
const spending: Step = {
  reply: {
    content: [{ type: 'tool_use', name: 'Bash', input: { command: 'true' } }],
    usage: { input_tokens: 1000, output_tokens: 100_000 },
  },
}

function outline(moves: readonly AgentMove[]): string[] {
  return moves.flatMap((move) => {
    switch (move.move) {
      case 'plan':
        return [`plan ${move.phases.map(({ name, status }) => `${name} ${status}`).join(', ')}`]
      case 'tool-start':
        return [`start ${move.toolName}`]
      case 'tool-complete':
        return [move.status]
      case 'text':
        return [`text ${move.text}`]
      default:
        return []
    }
  })
}

/** The newest request to the model. */
function bodyOf(model: ScriptedModel): Record<'model' | 'tools' | 'system' | 'messages', unknown> {
  return model.requests.at(-1)?.body as Record<'model' | 'tools' | 'system' | 'messages', unknown>
}

describe('an execution with Claude', () => {
  it('an execution plans, works through its phases with real tools, and ends with its answer and usage', async () => {
    const model = await serve([
      plan(1, 'active', 'pending'),
      use('Bash', { command: 'ls' }, { turn: 2 }),
      plan(3, 'complete', 'active'),
      use('Write', { file_path: '{{cwd}}/greeting.txt', content: 'Hello\n' }, { turn: 4 }),
      plan(5, 'complete', 'complete'),
      say('It is there.'),
    ])
    const { moves, end, context } = await executions.run(model)
    expect(outline(moves)).toEqual([
      'plan Look active, Write pending',
      'start Bash',
      'ok',
      'plan Look complete, Write active',
      'start Write',
      'ok',
      'plan Look complete, Write complete',
      'text It is there.',
    ])
    expect(readFileSync(join(executions.project, 'greeting.txt'), 'utf8')).toBe('Hello\n')
    expect(end).toEqual({
      state: 'completed',
      result: { text: 'It is there.' },
      usage: {
        tokens: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
        // Nothing was computed, so nothing has a price.
        costUsd: null,
      },
    })
    // The messages of the SDK are no events here.
    expect(context.events).toEqual([])
  })

  it('the model has the plan tool from the beginning, with instructions to use it, whatever its system prompt is', async () => {
    const model = await serve([say('Done.')])
    const prompts = [['You are', 'a release bot.'], ...(isFull ? [undefined, 'You are a release bot.'] : [])]
    for (const systemPrompt of prompts) {
      const agent = systemPrompt === undefined ? {} : { systemPrompt }
      await executions.run(model, { agent, model: 'claude:claude-haiku-5-5' })
      const { model: asked, tools, system } = bodyOf(model)
      expect(asked).toBe('claude-haiku-5-5')
      expect(tools).toContainEqual(expect.objectContaining({ name: planTool }))
      expect(JSON.stringify(system)).toContain(`call ${planTool}`)
    }
  })

  it('a call that the policy denies is reported as an event with the reason, and ends as denied', async () => {
    const model = await serve([use('Bash', { command: 'rm -rf /' }), say('I see.')])
    const { moves, context } = await executions.run(model)
    expect(outline(moves)).toEqual(['start Bash', 'denied', 'text I see.'])
    expect(context.of('permission:denied')).toMatchObject([{ tool: 'Bash', reason: expect.any(String) }])
  })

  it('a subagent cannot change the plan', async () => {
    const model = await serve([
      {
        ...use(planTool, { goal: 'Mine', phases: [{ name: 'A', status: 'active' }] }, { prompt: 'Help' }),
        times: 1,
      },
      say('It was refused: {{result}}', { prompt: 'Help' }),
      use('Agent', { description: 'Help', prompt: 'Help', subagent_type: 'general-purpose' }),
      say('Done.'),
    ])
    const { moves } = await executions.run(model)
    expect(moves.filter(({ move }) => move === 'plan')).toEqual([])
    expect(JSON.stringify(moves)).toContain('Only the main agent may call this tool.')
  })

  it('a task that begins with a word of the SDK reaches the model as it was written', async () => {
    const task = '/login returns 500, please fix it'
    const model = await serve([
      say('Done.', { text: { regex: '^/login returns 500, please fix it$', flags: 'm' } }),
    ])
    const { end } = await executions.run(model, { task })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
  })

  it('an execution resumes the conversation of another', async () => {
    const model = await serve([say('One.', { text: 'first' }), say('Two.', { text: 'second' })])
    const first = await executions.run(model, { task: 'first' })
    const second = await executions.run(model, { task: 'second', resumes: first.context })
    expect(second.end).toMatchObject({ state: 'completed', result: { text: 'Two.' } })
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('One.')
  })

  it('a tool that was running when an execution was ended is not run again, and the model reads that its end is unknown', async () => {
    const runs = join(executions.project, 'runs.txt')
    const model = await serve([
      use('Bash', { command: 'echo ran >> runs.txt; sleep 300.5' }, { text: 'first' }),
      say('I look.', { text: 'second' }),
    ])
    const first = executions.start(model, { task: 'first' })
    await until(() => existsSync(runs) && readFileSync(runs, 'utf8') !== '')
    // The SDK hands its transcript over in its own time.
    await until(() => first.context.transcript.some(({ json }) => json.includes('tool_use')))
    ;(await first.agent).cancel(0)
    const { end, context } = await first.ended
    expect(end).toMatchObject({ state: 'errored', reason: 'cancelled' })
    const second = await executions.run(model, { task: 'second', resumes: context })
    expect(second.end.state).toBe('completed')
    expect(readFileSync(runs, 'utf8')).toBe('ran\n')
    expect(JSON.stringify(bodyOf(model).messages)).toContain('so its outcome is unknown')
  })
})

describe('the limits of an execution', () => {
  it('an execution that reaches a limit names it', async () => {
    const model = await serve([spending])
    const rows = [
      [{ iterations: 2 }, 'max_iterations', 'It reached its limit of 2 turns'],
      [{ tokens: 5000 }, 'max_tokens', 'It reached its limit of 5000 tokens'],
    ] as const
    for (const [limits, reason, error] of rows) {
      const { end } = await executions.run(model, { limits, agent: { maxBudgetUsd: 1000 } })
      expect(end, reason).toMatchObject({
        state: 'errored',
        reason,
        error,
        usage: { tokens: expect.any(Object) },
      })
    }
  })

  it('without a limit in US dollars of its own, an execution has that of the configuration', async () => {
    const model = await serve([spending])
    const { end } = await executions.run(model, { agent: { maxBudgetUsd: 0.5 } })
    expect(end).toMatchObject({ reason: 'budget', error: 'It reached its budget of $0.50' })
  })
})

describe('the end of an execution', () => {
  it('an execution whose model fails says in which way', async () => {
    const content = [{ type: 'text' as const, text: 'No.' }]
    const tooLong = 'prompt is too long: 210000 tokens > 200000 maximum'
    const rows: [Step['reply'], string][] = [
      [{ content, stop_reason: 'refusal' }, 'refused'],
      [{ content, stop_reason: 'max_tokens' }, 'max_tokens'],
      [{ content, stop_reason: 'model_context_window_exceeded' }, 'context_overflow'],
      [{ content, stop_reason: 'pause_turn' }, 'provider_error'],
      [{ error: 'invalid_request_error', message: tooLong }, 'context_overflow'],
      [{ error: 'permission_error', message: 'Not this model' }, 'provider_error'],
      [{ error: 'authentication_error' }, 'provider_error'],
    ]
    // By default, the others are rows of `end.test.ts`.
    for (const [reply, reason] of isFull ? rows : rows.slice(0, 1)) {
      const model = await serve([{ reply }])
      const { end } = await executions.run(model)
      expect(end, reason).toMatchObject({ state: 'errored', reason, error: expect.stringMatching(/./) })
    }
  })

  it('an execution whose process breaks the rules of the plan tool, too, is ended without harm to the server', async () => {
    const calls = [
      null,
      7,
      {},
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'plan', arguments: 7 } },
    ]
    const requests = calls.map((message, index) =>
      saying({
        type: 'control_request',
        request_id: `r${index}`,
        request: { subtype: 'mcp_message', server_name: 'millrace', message },
      }),
    )
    const path = program(executions.workspace, 'rude', `${requests.join('; ')}; sleep 0.2; exit 3`)
    const { end } = await executions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'agent_crashed',
      error: expect.stringMatching(/./),
    })
  })
})

describe('the models of Claude', () => {
  it('the engine takes its own names of models and no others', () => {
    const model = { baseUrl: nowhere.url, apiKey: undefined, demo: false }
    const engine = createClaudeExecutionEngine({ agent: {}, policy: undefined, model, hidden: [], home: '/' })
    const limits = { iterations: 1, tokens: null, seconds: 1, usd: null }
    const refusal = (name: string | undefined) => engine.refuses({ model: name, limits })
    for (const name of [undefined, 'claude', 'claude:claude-opus-5-5']) expect(refusal(name)).toBeNull()
    for (const name of ['claude:', 'claudette', 'anthropic:claude', 'gpt']) {
      expect(refusal(name)).toBe(`${name} is not a model of the Claude Agent SDK`)
    }
  })
})

describe('a limit in dollars', () => {
  const limits = { iterations: 1, tokens: null, seconds: 1, usd: 0.01 }
  const real = { baseUrl: nowhere.url, apiKey: 'made-up-key', demo: false }
  const engine = (more: Partial<ClaudeEngineOptions> = {}) =>
    createClaudeExecutionEngine({ agent: {}, model: real, policy: undefined, hidden: [], home: '/', ...more })
  const prices = configuredPrices([
    { provider: 'anthropic', model: 'claude-opus-5-5', price: { input: 5, output: 25 } },
  ])

  it('a limit in dollars is refused where no price of Claude is known', () => {
    expect(engine().refuses({ model: 'claude', limits })).toMatch(/needs the price of Claude: set "price"/)
    expect(engine().refuses({ model: undefined, limits })).toMatch(/needs the price of Claude/)
    expect(engine().refuses({ model: undefined, limits: { ...limits, usd: null } })).toBeNull()
  })

  it('a limit in dollars is refused for a model without a price beside those that have one', () => {
    const priced = engine({ prices })
    expect(priced.refuses({ model: 'claude:claude-dear-6', limits })).toMatch(/price of "claude-dear-6"/)
    const configured = engine({ prices, agent: { model: 'claude-dear-6' } })
    expect(configured.refuses({ model: 'claude', limits })).toMatch(/price of "claude-dear-6"/)
    for (const model of [undefined, 'claude', 'claude:opus', 'claude:claude-opus-5-5-20261001'])
      expect(priced.refuses({ model, limits }), model).toBeNull()
  })

  it('the demo model costs nothing, so any limit in dollars holds', () => {
    expect(engine({ model: { ...real, demo: true } }).refuses({ model: 'claude', limits })).toBeNull()
  })
})

describe('a message to an execution with Claude', () => {
  it('an interrupt ends the running call, and a queued message starts the turn after the next', async () => {
    const model = await serve([
      use('Bash', { command: "bash -c 'sleep 600'" }, { turn: 1 }),
      say('Stopped.', { turn: 2 }),
      say('And done.', { turn: 3 }),
    ])
    const { context, moves, ended } = executions.start(model)
    await until(() => moves.some(({ move }) => move === 'tool-start'))
    const later = context.messages.say('And then this')
    const now = context.messages.say('Stop that', 'interrupt')
    const { end } = await ended
    expect(end).toMatchObject({ state: 'completed', result: { text: 'And done.' } })
    expect(context.messages.delivery).toEqual([now, later])
    expect(outline(moves)).toEqual(['start Bash', 'cancelled', 'text Stopped.', 'text And done.'])
    expect(JSON.stringify(bodyOf(model).messages)).toContain('Stop that')
  })
})
