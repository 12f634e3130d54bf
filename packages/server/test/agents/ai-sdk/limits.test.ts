import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CountingShell, formats, reply, run, say, serve, start, use } from './support/executions.ts'

const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 }

/** A model that never comes to an end. */
function endless(usage: object) {
  return serve([reply({}, [use('shell', { command: 'git status' })], { usage })])
}

/** An OpenAI-compatible server that never comes to an end, and reports what no server can have counted. */
async function serveImpossible(usage: object) {
  const call = {
    index: 0,
    id: 'c1',
    type: 'function',
    function: { name: 'shell', arguments: '{"command":"ls"}' },
  }
  const chunks = [
    { choices: [{ index: 0, delta: { role: 'assistant', tool_calls: [call] } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }], usage },
  ]
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const chunk of chunks)
      response.write(`data: ${JSON.stringify({ id: 'x', model: 'm', ...chunk })}\n\n`)
    response.end('data: [DONE]\n\n')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('an execution that reaches a limit', () => {
  it('ends with max_iterations after exactly so many steps', async () => {
    const model = await endless({ input_tokens: 5, output_tokens: 5 })
    const { host, end } = await run(model, { tools: [new CountingShell()], limits: { iterations: 3 } })
    expect(end).toMatchObject({ state: 'errored', reason: 'max_iterations' })
    expect(host.of('step')).toHaveLength(3)
    expect(model.requests).toHaveLength(3)
  })

  it('ends with max_tokens before it has used more than the limit', async () => {
    const model = await endless({ input_tokens: 900, output_tokens: 100 })
    const { end } = await run(model, { tools: [new CountingShell()], limits: { tokens: 10_000 } })
    expect(end).toMatchObject({ state: 'errored', reason: 'max_tokens' })
    const { inputTokens = 0, outputTokens = 0 } = (end.usage?.tokens ?? {}) as Record<string, number>
    expect(inputTokens + outputTokens).toBeGreaterThan(5000)
    expect(inputTokens + outputTokens).toBeLessThanOrEqual(10_000)
  })

  // Failed before: all of them were run, eight at a time.
  it('ends with provider_error when an answer has more than 128 calls, of which it runs none', async () => {
    for (const [count, state] of [
      [128, 'completed'],
      [129, 'errored'],
    ] as const) {
      const calls = Array.from({ length: count }, () => use('shell', { command: 'git status' }))
      const model = await serve([reply({ turn: 1 }, calls), reply({}, [say('Done.')])])
      const shell = new CountingShell()
      const { host, end } = await run(model, { tools: [shell] })
      expect(end.state).toBe(state)
      expect(shell.ran).toHaveLength(state === 'completed' ? count : 0)
      if (end.state === 'errored')
        expect(end).toMatchObject({
          reason: 'provider_error',
          error: expect.stringMatching(/more than 128 calls/),
        })
      expect(host.of('tool-start')).toHaveLength(shell.ran.length)
    }
  })

  // Failed before: each of these gave the limit back what had been used.
  it.each([
    ['negative', { prompt_tokens: -1e9, completion_tokens: -1e9 }],
    ['fractions', { prompt_tokens: 0.5, completion_tokens: -5 }],
    ['not finite', { prompt_tokens: 1e308, completion_tokens: 1e308 }],
    [
      'less than what was cached',
      { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 1e9 } },
    ],
  ])('counts its estimate where the figures of a model server are impossible: %s', async (_name, usage) => {
    const model = await serveImpossible(usage)
    const { end } = await run(model, {
      format: 'openai-compatible',
      tools: [new CountingShell()],
      limits: { tokens: 20_000, iterations: 60 },
    })
    expect(end).toMatchObject({ state: 'errored', reason: 'max_tokens' })
    const counts = Object.values((end.usage?.tokens ?? {}) as Record<string, number>)
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(0)
    expect(counts.every(Number.isSafeInteger)).toBe(true)
  })

  it('ends with budget before it has cost more than a limit of $0.01', async () => {
    // Each step costs $0.0015: six of them fit.
    const model = await endless({ input_tokens: 400, output_tokens: 20 })
    const { end, host } = await run(model, {
      tools: [new CountingShell()],
      limits: { usd: 0.01 },
      entry: { price },
    })
    expect(end).toMatchObject({ state: 'errored', reason: 'budget', error: expect.stringContaining('$0.01') })
    const costs = host.of('usage').map(({ costUsd }) => costUsd)
    expect(costs[0]).toBeCloseTo(0.0015)
    expect(end.usage?.costUsd).toBe(costs.at(-1))
    expect(end.usage?.costUsd).toBeGreaterThan(0.003)
    expect(end.usage?.costUsd).toBeLessThanOrEqual(0.01)
    expect(model.requests.length * 0.0015, 'what the model was really asked').toBeLessThanOrEqual(0.01)
  })

  it('reserves the rate of the cache that it asks for, which is not that of an hour', async () => {
    const model = await endless({ input_tokens: 400, output_tokens: 20 })
    const worst = async (format: 'anthropic' | 'openai') => {
      const free = { input: 10_000, output: 0 }
      const { end } = await run(model, { format, limits: { usd: 0.0001 }, entry: { price: free } })
      expect(end).toMatchObject({ state: 'errored', reason: 'budget' })
      return Number(/could cost \$(\d+\.\d+)/.exec(String('error' in end && end.error))?.[1])
    }
    expect((await worst('anthropic')) / (await worst('openai'))).toBeCloseTo(1.25)
  })

  it('asks for no longer answer than the rest of its money pays', async () => {
    const model = await endless({ input_tokens: 400, output_tokens: 20 })
    await run(model, { tools: [new CountingShell()], limits: { usd: 0.02 }, entry: { price } })
    const asked = model.requests.map(({ body }) => (body as { max_tokens: number }).max_tokens)
    expect(Math.max(...asked) * price.output).toBeLessThanOrEqual(0.02 * 1e6)
    const counted = asked.slice(1)
    expect(counted).toEqual(counted.toSorted((left, right) => right - left))
    expect(counted.at(-1)).toBeLessThan(counted[0] ?? 0)
  })

  it('costs what the price says, cache apart, and null where no price is known', async () => {
    const usage = {
      input_tokens: 1000,
      cache_read_input_tokens: 10_000,
      cache_creation_input_tokens: 2000,
      output_tokens: 100,
    }
    const model = await serve([reply({}, [say('Done.')], { usage })])
    const priced = await run(model, { format: 'anthropic', entry: { price } })
    expect(priced.end.usage?.costUsd).toBeCloseTo((1000 * 3 + 10_000 * 0.3 + 2000 * 3.75 + 100 * 15) / 1e6)
    const unpriced = await run(model, { format: 'anthropic' })
    expect(unpriced.end.usage).toEqual({
      tokens: { inputTokens: 1000, outputTokens: 100, cacheReadTokens: 10_000, cacheCreationTokens: 2000 },
      costUsd: null,
    })
  })
})

describe.each(formats)('with the provider package of %s', (format) => {
  it('interrupts inside the input of a call cannot exceed a limit in money', async () => {
    const input = { command: 'git log --all --oneline' }
    const usage = { input_tokens: 400, output_tokens: 20 }
    const model = await serve([
      reply({}, [{ type: 'tool_use', name: 'shell', input, hold: 'inside' } as never], { usage }),
    ])
    const usd = 0.5
    const { host, agent } = await start(model, {
      format,
      tools: [new CountingShell()],
      limits: { usd },
      entry: { price, outputTokensMax: 4000 },
    })
    const over = agent.ended.then(() => true)
    const isOver = (times: number) => Promise.race([over, model.reached('inside', times).then(() => false)])
    for (let times = 1; times < 20 && !(await isOver(times)); times += 1) {
      host.messages.say(`Not like that (${times})`, 'interrupt')
    }
    agent.cancel(0)
    expect(await agent.ended).toMatchObject({ state: 'errored', reason: 'budget' })
    expect(model.requests.length).toBeGreaterThan(3)
    // The greatest that each of them may have cost.
    expect((model.requests.length * 4000 * price.output) / 1e6).toBeLessThanOrEqual(usd)
  })

  it('a request that its provider refuses as too long does not count as a step', async () => {
    const model = await serve([
      { times: 1, when: { turn: 2 }, reply: { error: 'context_overflow' } },
      reply({ turn: 1 }, [use('shell', { command: 'git log' })]),
      reply({}, [say('Done.')]),
    ])
    const shell = new CountingShell()
    shell.behave = async function* () {
      yield ''
      return { ok: true, text: 'x'.repeat(20_000) }
    }
    const { end, host } = await run(model, { format, tools: [shell], limits: { iterations: 2 } })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(host.of('step')).toHaveLength(2)
  })
})

describe('an execution that fills the window of its model', () => {
  const pdf = { type: 'file', data: 'A'.repeat(100_000), mediaType: 'application/pdf', filename: 'plan.pdf' }
  const talk = (last: object) =>
    [
      { type: 'begin', model: 'anthropic:scripted' },
      { type: 'message', message: { role: 'user', content: 'Do it.' } },
      {
        type: 'message',
        message: {
          role: 'assistant',
          content: [{ type: 'text', text: `Old words.${' More.'.repeat(500)}` }],
        },
      },
      { type: 'message', message: { role: 'user', content: [{ type: 'text', text: 'Look.' }] } },
      { type: 'message', message: { role: 'assistant', content: [last] } },
    ].map((entry) => ({ conversation: 'x', subpath: '', json: JSON.stringify(entry) }))

  it('keeps its conversation when no shortening could make room, since a document counts by its bytes', async () => {
    const model = await serve([reply({}, [say('Fine.')])])
    const resumes = talk({ type: 'text', text: 'I looked.' }).map(({ json, ...rest }) => ({
      ...rest,
      json: json.replace('{"type":"text","text":"Look."}', JSON.stringify(pdf)),
    }))
    const entry = { contextTokens: 20_000 }
    const { end, host } = await run(model, { format: 'anthropic', entry, resumes, prompt: 'And now?' })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Fine.' } })
    expect(JSON.stringify(model.requests[0]?.body)).toContain('Old words.')
    expect(host.of('note')).toEqual([])
  })

  it('shortens its conversation when that makes room', async () => {
    const model = await serve([reply({}, [say('Fine.')])])
    const resumes = talk({ type: 'text', text: 'y'.repeat(100_000) })
    const entry = { contextTokens: 20_000 }
    const { host } = await run(model, { format: 'anthropic', entry, resumes, prompt: 'And now?' })
    expect(JSON.stringify(model.requests[0]?.body)).not.toContain('Old words.')
    expect(host.of('note')).toMatchObject([{ type: 'context:compacted' }])
  })
})
