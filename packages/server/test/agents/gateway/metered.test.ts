/** The gateway with a budget, between programs of a run and an API that counts what it would cost. */
import { once } from 'node:events'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Script, type Step, startScriptedModel } from '@millrace/scripted-model'
import { until } from '@millrace/test-support/until'
import { afterEach, describe, expect, it } from 'vitest'
import { Budget } from '#agents/gateway/budget'
import { passMessage } from '#agents/gateway/metered'
import { configuredPrices } from '#agents/gateway/prices'
import { anthropic } from '#agents/gateway/vendors/anthropic'
import {
  after,
  ask,
  bodyOf,
  echo,
  gatewayTo,
  key,
  releaseAll,
  seenBy,
  told,
  upstream,
} from '#test/agents/gateway/support/gateway'

afterEach(releaseAll)

const price = { input: 5, output: 25 }

function budgetOf(usd: number): Budget {
  const prices = configuredPrices([{ provider: 'anthropic', price }])
  if (prices === null) throw new Error('there is a price')
  return new Budget(usd, prices)
}

const message = { model: 'm', max_tokens: 1000, messages: [{ role: 'user', content: 'go' }] }
const asText = (more: object = {}) => JSON.stringify({ ...message, ...more })

async function scripted(steps: Step[], usd: number) {
  const script: Script = { name: 'priced', steps }
  const model = await startScriptedModel({ script, apiKey: key })
  after(() => model.close())
  const budget = budgetOf(usd)
  const gateway = await gatewayTo(model.url, key, budget)
  const asked = () => model.requests.filter(({ path }) => path === '/v1/messages')
  return { model, budget, gateway, asked }
}

const answer = (outputTokens: number, more: object = {}): Step => ({
  when: {},
  reply: {
    content: [{ type: 'text', text: 'Yes' }],
    usage: { input_tokens: 100, output_tokens: outputTokens },
    ...more,
  },
})

describe('a gateway with a budget', () => {
  it('a program that asks directly, again and again, spends no more than the budget', async () => {
    const { budget, gateway, asked } = await scripted([answer(100)], 0.05)
    const statuses: (number | undefined)[] = []
    for (let round = 0; round < 30; round++) {
      statuses.push((await told(gateway, { body: asText({ stream: round % 2 === 0 }) })).status)
    }
    // Each costs $0.003; the last ones are refused, since their worst case no longer fits.
    expect(budget.spentUsd).toBeCloseTo(asked().length * 0.003)
    expect(budget.spentUsd).toBeGreaterThan(0.03)
    expect(budget.spentUsd).toBeLessThanOrEqual(0.05)
    expect(statuses.at(-1)).toBe(403)
    expect(statuses.filter((status) => status === 200)).toHaveLength(asked().length)
    expect(budget.isSpent).toBe(true)
  })

  it('a refusal has the shape of the API’s own, and says what the budget is', async () => {
    const { gateway, asked } = await scripted([answer(100)], 0.0001)
    const { status, body } = await told(gateway, { body: asText() })
    expect(status).toBe(403)
    expect(JSON.parse(body)).toEqual({
      type: 'error',
      error: { type: 'permission_error', message: expect.stringContaining('the limit of $0.0001') },
    })
    expect(asked()).toEqual([])
  })

  it('many requests at the same time spend no more than the budget together', async () => {
    const budget = budgetOf(0.1)
    // It uses all that it may, as a model does that does not come to an end.
    const greedy = await upstream(async (asked, response) => {
      const { max_tokens: output_tokens } = JSON.parse(await text(asked)) as { max_tokens: number }
      await sleep(20)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ model: 'm', usage: { input_tokens: 30, output_tokens } }))
    })
    const gateway = await gatewayTo(greedy, key, budget)
    const all = await Promise.all(Array.from({ length: 20 }, () => told(gateway, { body: asText() })))
    expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(3)
    expect(all.some(({ status }) => status === 403)).toBe(true)
    expect(budget.spentUsd).toBeLessThanOrEqual(0.1)
    expect(budget.spentUsd).toBeGreaterThan(0.09)
  })

  it('max_tokens is bounded by what is left, and nothing else of the body changes', async () => {
    const budget = budgetOf(0.05)
    const gateway = await gatewayTo(await upstream(echo), key, budget)
    const text = ' {"model":"m", "n":12345678901234567890,\n"max_tokens": 64000 ,"messages":["\\u00fc"]}'
    const { body, status } = await told(gateway, { body: text })
    expect(status).toBe(200)
    const { max_tokens: asked } = JSON.parse(body) as { max_tokens: number }
    expect(asked).toBeLessThanOrEqual(2000)
    expect(asked).toBeGreaterThan(1500)
    expect(body).toBe(text.replace(' 64000 ', String(asked)))
  })

  it('the answer is asked for in a form that can be read, and what it says passes unchanged', async () => {
    let seen: Record<string, string> = {}
    const url = await upstream((asked, response) => {
      asked.resume().on('end', () => {
        echo(asked, response)
        seen = seenBy(response.getHeaders() as Record<string, string>).headers
      })
    })
    const gateway = await gatewayTo(url, key, budgetOf(1))
    await told(gateway, { body: asText(), headers: { 'accept-encoding': 'gzip, br' } })
    expect(seen).toMatchObject({ 'accept-encoding': 'identity', 'content-length': String(asText().length) })
    expect(seen['transfer-encoding']).toBeUndefined()
  })

  it.each([
    ['a body that is no JSON', {}, 'no JSON', 400],
    ['a limit given twice', {}, '{"model":"m","max_tokens":1,"messages":[],"max_tokens":99999}', 400],
    ['an encoded body', { 'content-encoding': 'gzip' }, asText(), 400],
    ['a body that is too large', {}, asText({ system: 'x'.repeat(33 * 1024 ** 2) }), 413],
  ])('%s is refused, and the API hears nothing', async (_what, headers, body, expected) => {
    let heard = 0
    const gateway = await gatewayTo(await upstream(() => void heard++), key, budgetOf(1))
    const { status, body: said } = await told(gateway, { body, headers })
    expect(status).toBe(expected)
    expect(JSON.parse(said)).toMatchObject({ type: 'error', error: { type: expect.any(String) } })
    expect(heard).toBe(0)
  })

  it('an answer whose reader leaves counts in full, so that leaving early saves nothing', async () => {
    const hold: Step = {
      when: {},
      reply: { content: [{ type: 'text', text: ['one ', 'two '], hold: 'delta' }] },
    }
    const { model, budget, gateway } = await scripted([hold], 1)
    const { asked } = await ask(gateway, { body: asText({ stream: true }) })
    await model.reached('delta')
    asked.destroy()
    await until(() => budget.spentUsd > 0)
    const worst = (asText({ stream: true }).length * 6.25 + 1000 * 25) / 1e6
    expect(budget.spentUsd).toBeCloseTo(worst)
  })

  it('an answer that the API breaks off counts by what arrived, and a refused one not at all', async () => {
    const cut = answer(500, { trouble: { kind: 'cut', afterEvents: 2 } })
    const { budget, gateway } = await scripted(
      [{ when: { text: 'go' }, times: 1, reply: { error: 'overloaded_error' } }, cut],
      1,
    )
    expect((await told(gateway, { body: asText() })).status).toBe(529)
    expect(budget.spentUsd).toBe(0)
    const { answer: broken } = await ask(gateway, { body: asText({ stream: true }) })
    await expect(bodyOf(broken)).rejects.toThrow()
    await until(() => budget.spentUsd > 0)
    expect(budget.spentUsd).toBeGreaterThan((100 * 5) / 1e6)
    expect(budget.spentUsd).toBeLessThan(0.01)
  })

  it('an API that cannot be reached costs nothing', async () => {
    const budget = budgetOf(1)
    const gateway = await gatewayTo('http://127.0.0.1:9', key, budget)
    expect((await told(gateway, { body: asText() })).status).toBe(502)
    expect(budget.spentUsd).toBe(0)
  })

  it('images are counted by the API before the request is forwarded', async () => {
    const { gateway, model } = await scripted([answer(1)], 1)
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
    const messages = [{ role: 'user', content: [image] }]
    await told(gateway, { path: '/v1/messages?beta=true', body: asText({ messages }) })
    expect(model.requests.map(({ path }) => path)).toEqual(['/v1/messages/count_tokens', '/v1/messages'])
    expect(model.requests[0]?.body).toEqual({ model: 'm', messages })
  })

  it('a request whose body is refused holds nothing', async () => {
    const held = { bytes: 0 }
    const way = { base: new URL('http://127.0.0.1:9'), agent: new Agent(), apiKey: key, vendor: anthropic }
    const parts = { way, budget: budgetOf(1), held, closing: new AbortController().signal }
    const done: Promise<void>[] = []
    const address = await upstream((asked, answered) => void done.push(passMessage(asked, answered, parts)))
    for (const body of ['[1]', `{"a":${'x'.repeat(1000)}}`, '{"model":7}'])
      expect((await fetch(address, { method: 'POST', body })).status).toBe(400)
    await Promise.all(done)
    expect(held.bytes).toBe(0)
  })

  it('a request that leaves before its body is whole holds nothing', async () => {
    const { budget, gateway } = await scripted([answer(1)], 1)
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    await once(socket, 'connect')
    const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.token}\r\n`
    socket.write(`${head}content-length: 1000\r\n\r\n{"model":"m",`)
    socket.destroy()
    expect((await told(gateway, { body: asText() })).status).toBe(200)
    expect(budget.spentUsd).toBeLessThan(0.01)
  })
})
