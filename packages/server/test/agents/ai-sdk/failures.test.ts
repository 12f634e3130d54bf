import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import type { Step } from '@millrace/scripted-model'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { AgentEnd } from '#agents/agent'
import {
  CountingShell,
  formats,
  modelName,
  reply,
  run,
  say,
  serve,
  start,
  use,
} from './support/executions.ts'

const done = reply({}, [say('Done.')])
const failing = (error: 'rate_limit_error' | 'api_error' | 'overloaded_error', times: number): Step => ({
  times,
  reply: { error, retryAfterSeconds: 0, message: 'it broke with sk-made-up-key-12345' },
})

describe.each(formats)('with the provider package of %s an execution', (format) => {
  it('repeats a request that the provider refused for now', async () => {
    const model = await serve([failing('rate_limit_error', 1), failing('overloaded_error', 1), done])
    const { end, host } = await run(model, { format, options: { maxRetries: 2 } })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(model.requests).toHaveLength(3)
    expect(host.of('step')).toHaveLength(1)
  })

  it('ends with provider_error and one sentence without a key when the provider keeps failing', async () => {
    const model = await serve([failing('api_error', 10)])
    const { end } = await run(model, { format, options: { maxRetries: 1 } })
    expect(end).toMatchObject({ state: 'errored', reason: 'provider_error' })
    const { error } = end as { error: string }
    expect(error).toContain(`${modelName(format)} answered with status 500 after 2 attempts: it broke`)
    expect(error).not.toMatch(/made-up-key|\n|\bat /)
  })

  it('shortens a conversation that the provider finds too long, notes it, and continues', async () => {
    const long = 'x'.repeat(20_000)
    const model = await serve([
      { when: { longerThan: 15_000 }, reply: { error: 'context_overflow' } },
      ...[1, 2, 3, 4].map((turn) => reply({ turn }, [use('shell', { command: `git log -${turn}` })])),
      reply({}, [say('Done.')]),
    ])
    const shell = new CountingShell()
    shell.behave = async function* (command) {
      yield ''
      return { ok: true, text: command.endsWith('-4') ? long : `${command}: ${'y'.repeat(2000)}` }
    }
    const { end, host } = await run(model, { format, tools: [shell] })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(host.of('note')).toMatchObject([{ type: 'context:compacted' }])
    expect(shell.ran).toHaveLength(4)
  })

  it('ends with context_overflow when the conversation cannot get short enough', async () => {
    const model = await serve([{ reply: { error: 'context_overflow' } }])
    const { end } = await run(model, { format })
    expect(end).toMatchObject({ state: 'errored', reason: 'context_overflow' })
  })

  it('ends with refused when the model refuses', async () => {
    const model = await serve([reply({}, [say('I will not.')], { stop_reason: 'refusal' })])
    expect((await run(model, { format })).end).toMatchObject({ state: 'errored', reason: 'refused' })
  })

  it('asks once more for an answer that broke off, and notes it', async () => {
    const pieces = [{ type: 'text' as const, text: [...'abcdefgh'] }]
    const model = await serve([
      { ...reply({}, pieces, { trouble: { kind: 'cut', afterEvents: 6 } }), times: 1 },
      { ...reply({}, pieces, { trouble: { kind: 'error', afterEvents: 6 } }), times: 1 },
      done,
    ])
    const { end, host } = await run(model, { format })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(host.of('note').map(({ type }) => type)).toEqual(['step:repeated', 'step:repeated'])
    const ids = new Set(host.of('text').map(({ messageId }) => messageId))
    expect(ids.size, 'each attempt is a message of its own').toBe(3)
  })

  it('ends with provider_error when every answer breaks off, and counts what was read', async () => {
    const model = await serve([
      reply({}, [{ type: 'text', text: [...'abcdefgh'] }], { trouble: { kind: 'cut', afterEvents: 6 } }),
    ])
    const { end } = await run(model, { format })
    expect(end).toMatchObject({ state: 'errored', reason: 'provider_error' })
    const { tokens } = end.usage as { tokens: Record<string, number> }
    expect(tokens.inputTokens).toBeGreaterThan(0)
    expect(model.requests).toHaveLength(4)
  })

  it.each([
    ['has no event', 0],
    ['ends in the middle of its text', 6],
  ])('repeats a request whose answer %s, though its stream ends cleanly', async (_, afterEvents) => {
    const half = reply({}, [{ type: 'text', text: [...'abcdefgh'] }], {
      trouble: { kind: 'garbage', afterEvents, bytes: '' },
    })
    const model = await serve([{ ...half, times: 1 }, done])
    const { end, host } = await run(model, { format })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(host.of('note').map(({ type }) => type)).toEqual(['step:repeated'])
    expect(model.requests).toHaveLength(2)
    const { tokens } = end.usage as { tokens: Record<string, number> }
    expect(tokens.outputTokens, 'the estimate of the half answer is counted').toBeGreaterThan(1000)
  })

  it.each([
    ['words', say('x'.repeat(200_000))] as const,
    // OpenAI's chat format has no thoughts.
    ...(format === 'openai-chat'
      ? []
      : [['thoughts', { type: 'thinking', thinking: 'x'.repeat(200_000) }] as const]),
    ['inputs of calls', use('shell', { command: 'x'.repeat(200_000) })] as const,
  ])(
    'ends with max_tokens when a model that ignores its greatest length writes %s on and on',
    async (_, content) => {
      const model = await serve([reply({}, [content])], {}, { deltaChars: 20_000 })
      const shell = new CountingShell()
      const { end, host } = await run(model, { format, tools: [shell], entry: { outputTokensMax: 300 } })
      expect(end).toMatchObject({
        state: 'errored',
        reason: 'max_tokens',
        error: expect.stringContaining('far longer than the 300 tokens'),
      })
      expect(model.requests).toHaveLength(1)
      expect(host.of('text').reduce((chars, { text }) => chars + text.length, 0)).toBeLessThan(100_000)
      expect(shell.ran).toEqual([])
    },
  )

  it('asks once more for an answer that broke off inside the input of a call, and counts it', async () => {
    const broken = reply({}, [use('shell', { command: 'git log --oneline --all --graph' })], {
      trouble: { kind: 'cut', afterEvents: 4 },
    })
    const model = await serve([{ ...broken, times: 1 }, done], {}, { deltaChars: 4 })
    const shell = new CountingShell()
    const { end, host } = await run(model, { format, tools: [shell] })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(host.of('note').map(({ type }) => type)).toEqual(['step:repeated'])
    expect(shell.ran).toEqual([])
    const { tokens } = end.usage as { tokens: Record<string, number> }
    expect(tokens.inputTokens).toBeGreaterThan(0)
  })

  it.each([
    ['never begins an answer', 0, 1],
    ['never ends one', 6, 4],
  ])('ends with provider_error when the model %s', async (_, afterEvents, attempts) => {
    const clock = new ManualClock()
    const model = await serve([
      reply({}, [{ type: 'text', text: [...'abcdefgh'] }], { trouble: { kind: 'stall', afterEvents } }),
    ])
    const { agent } = await start(model, { format, options: { clock } })
    const ended = agent.ended.then((end) => ({ end }))
    const tick = () => new Promise<null>((resolve) => setImmediate(() => resolve(null)))
    let over: { end: AgentEnd } | null = null
    for (; over === null; over = await Promise.race([ended, tick()])) clock.advance(1000)
    expect(over.end).toMatchObject({
      state: 'errored',
      reason: 'provider_error',
      error: expect.stringMatching(/it said nothing for (60|30)0 seconds/),
    })
    expect(model.requests.length).toBeLessThanOrEqual(attempts)
  })

  it('asks once more when the model answers nothing, and then takes nothing for an answer', async () => {
    const silent = reply({}, [], {})
    const twice = await serve([
      { ...silent, times: 1 },
      reply({ prompt: 'Your answer was empty' }, [say('Done.')]),
    ])
    expect((await run(twice, { format })).end).toMatchObject({
      state: 'completed',
      result: { text: 'Done.' },
    })
    const always = await serve([silent])
    expect((await run(always, { format })).end).toMatchObject({ state: 'completed', result: { text: '' } })
    expect(always.requests).toHaveLength(2)
  })

  it('lets the model continue an answer that was cut at its greatest length', async () => {
    const model = await serve([
      reply({ turn: 1 }, [say('One, ')], { stop_reason: 'max_tokens' }),
      reply({ prompt: 'Continue exactly where' }, [say('two.')]),
    ])
    expect((await run(model, { format })).end).toMatchObject({
      state: 'completed',
      result: { text: 'One, two.' },
    })
  })
})

describe('an execution', () => {
  it('ends with provider_error when nobody listens at the address of the model', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const { end } = await run({ url: `http://127.0.0.1:${port}` })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'provider_error',
      error: expect.stringMatching(/^The request to \S+ failed: .*ECONNREFUSED/),
    })
  })

  it('settles its estimate for half an answer, whatever the provider had counted by then', async () => {
    const half = {
      candidates: [{ content: { role: 'model', parts: [{ text: 'half of' }] } }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    }
    const server = createHttpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`data: ${JSON.stringify(half)}\n\n`)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const entry = { outputTokensMax: 1000 }
    const { end } = await run({ url: `http://127.0.0.1:${port}` }, { format: 'google', entry })
    expect(end).toMatchObject({ reason: 'provider_error', usage: { tokens: { outputTokens: 4000 } } })
  })

  it('ends with internal when this program makes a request that the SDK does not send', async () => {
    const call = { type: 'tool-call', toolCallId: 'c1', toolName: 'shell', input: { command: 'ls' } }
    const entries = [
      { type: 'begin', model: 'openai-compatible:local' },
      { type: 'message', message: { role: 'user', content: 'Do it.' } },
      { type: 'message', message: { role: 'assistant', content: [call] } },
      { type: 'message', message: { role: 'user', content: 'And?' } },
    ]
    const resumes = entries.map((entry) => ({ conversation: 'x', subpath: '', json: JSON.stringify(entry) }))
    const model = await serve([done])
    const { end } = await run(model, { resumes })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'internal',
      error: expect.stringMatching(/^The agent failed: .*c1/),
    })
    expect(model.requests).toEqual([])
  })

  it('gives up on a model whose answers are cut again and again', async () => {
    const model = await serve([reply({}, [say('Never ')], { stop_reason: 'max_tokens' })])
    expect((await run(model)).end).toMatchObject({ state: 'errored', reason: 'max_tokens' })
    expect(model.requests).toHaveLength(3)
  })
})
