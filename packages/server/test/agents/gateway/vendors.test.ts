/** The gateway in front of OpenAI's and Google's APIs: a scripted model, real HTTP. */
import { type Step, startScriptedModel } from '@millrace/scripted-model'
import { afterEach, describe, expect, it } from 'vitest'
import { Budget } from '#agents/gateway/budget'
import { openModelGateway } from '#agents/gateway/gateway'
import { configuredPrices } from '#agents/gateway/prices'
import type { VendorName } from '#agents/gateway/vendors/vendor'
import { vendors } from '#agents/gateway/vendors/vendors'
import { after, ask, bodyOf, echo, key, releaseAll, seenBy, told, upstream } from './support/gateway.ts'

afterEach(releaseAll)

async function gatewayTo(vendor: VendorName, baseUrl: string, budget: Budget | null = null) {
  const gateway = await openModelGateway({ baseUrl, apiKey: key, vendor: vendors[vendor] }, budget)
  after(() => gateway.close())
  return gateway
}

/** Both prices are a dollar per thousand tokens: a token is a tenth of a cent. */
function budgetOf(vendor: VendorName, usd: number): Budget {
  const prices = configuredPrices([{ provider: vendor, price: { input: 1000, output: 1000 } }], vendor)
  if (prices === null) throw new Error('there is a price')
  return new Budget(usd, prices)
}

const answer: Step = {
  when: {},
  reply: {
    content: [{ type: 'text', text: 'Yes' }],
    usage: { input_tokens: 100, output_tokens: 20, cache_read_input_tokens: 10 },
  },
}

async function priced(vendor: VendorName, usd: number) {
  const model = await startScriptedModel({ script: { name: 'priced', steps: [answer] }, apiKey: key })
  after(() => model.close())
  const budget = budgetOf(vendor, usd)
  return { model, budget, gateway: await gatewayTo(vendor, model.url, budget) }
}

const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'go' }] }]
const messages = [{ role: 'user', content: 'go' }]
const contents = [{ role: 'user', parts: [{ text: 'go' }] }]
const generate = '/v1beta/models/gemini-pro:generateContent'
const stream = '/v1beta/models/gemini-pro:streamGenerateContent?alt=sse'

/** An item of the input that brings a tool along. */
const brought = (type: string) => ({ type: 'tool_search_output', call_id: null, tools: [{ type }] })

const requests = [
  ['openai', 'a response', '/v1/responses', { model: 'm', input }, 'max_output_tokens'],
  [
    'openai',
    'a streamed response',
    '/v1/responses',
    { model: 'm', input, stream: true },
    'max_output_tokens',
  ],
  ['openai', 'a completion', '/v1/chat/completions', { model: 'm', messages }, 'max_completion_tokens'],
  [
    'openai',
    'a streamed completion',
    '/v1/chat/completions',
    { model: 'm', messages, stream: true },
    'max_completion_tokens',
  ],
  ['google', 'contents', generate, { contents }, 'generationConfig'],
  [
    'google',
    'streamed contents',
    stream,
    { contents, tools: [{ functionDeclarations: [] }] },
    'generationConfig',
  ],
] as const

describe('a gateway to another vendor', () => {
  it.each(requests)(
    'of %s: %s is counted, and its answer bounded by the budget',
    async (vendor, _, path, body, bound) => {
      const { model, budget, gateway } = await priced(vendor, 2)
      const { status } = await told(gateway, { path, body: JSON.stringify(body) })
      expect(status).toBe(200)
      // 90 tokens of input, 10 of them again from the cache, and 20 of output.
      expect(budget.spentUsd).toBeCloseTo(0.13, 1)
      const asked = () => model.requests.filter((request) => request.path === path.split('?')[0])
      const sent = asked()[0]?.body as Record<string, unknown>
      expect(sent).toMatchObject(body)
      expect(JSON.stringify(sent[bound])).toMatch(/1[0-9]{3}/)
      const spent = budget.spentUsd
      // What does not fit is refused in the vendor's own words, and the model never sees it.
      const long = { ...body, [path.startsWith('/v1beta') ? 'labels' : 'user']: { a: 'x'.repeat(50_000) } }
      const refused = await told(gateway, { path, body: JSON.stringify(long) })
      expect(refused.status).toBe(403)
      expect((JSON.parse(refused.body) as { error: { message: string } }).error.message).toContain('budget')
      expect(budget.isSpent).toBe(true)
      expect(budget.spentUsd).toBe(spent)
      expect(asked()).toHaveLength(1)
    },
  )

  it.each([
    ['openai', 'authorization', `Bearer ${key}`],
    ['google', 'x-goog-api-key', key],
  ] as const)(
    'the key of %s is in requests to it, and no credential of the agent is',
    async (vendor, field, value) => {
      const gateway = await gatewayTo(vendor, await upstream(echo))
      const path = vendor === 'openai' ? '/v1/responses' : stream
      const own = {
        authorization: 'Bearer other',
        'x-api-key': 'other',
        'x-goog-api-key': gateway.token,
        'openai-organization': 'org-other',
        'x-goog-user-project': 'other',
        'x-goog-fieldmask': 'other',
        'x-http-method-override': 'other',
        'x-original-url': '/v1/other',
      }
      const { headers, status } = await told(gateway, { path, headers: own, body: '{"as":"it is"}' })
      expect(status).toBe(200)
      const seen = seenBy(headers)
      expect(seen.headers[field]).toBe(value)
      expect(seen.url).toBe(path)
      const passed = JSON.stringify({ ...seen.headers, [field]: '' })
      for (const secret of ['other', gateway.token, key]) expect(passed).not.toContain(secret)
    },
  )

  it.each([
    ['openai', 'POST', '/v1/files'],
    ['openai', 'POST', '/v1/batches'],
    ['openai', 'DELETE', '/v1/models/m'],
    ['openai', 'POST', '/v1/responses/resp_1/cancel'],
    ['openai', 'GET', '/v1/responses/resp_1'],
    ['openai', 'POST', '/v1/messages'],
    ['google', 'POST', '/v1beta/models/m:batchGenerateContent'],
    ['google', 'POST', '/v1beta/cachedContents'],
    ['google', 'GET', '/v1beta/files'],
    ['google', 'POST', `${generate}?key=other`],
    ['google', 'POST', '/v1/responses'],
  ] as const)('%s: %s %s is refused in the words of the vendor', async (vendor, method, path) => {
    const gateway = await gatewayTo(vendor, await upstream(echo))
    const { status, body } = await told(gateway, { method, path, body: method === 'GET' ? '' : '{}' })
    expect(status).toBe(403)
    const { error } = JSON.parse(body) as { error: Record<string, unknown> }
    expect(error.message).toMatch(/^a session may ask for /)
    expect(error).toMatchObject(
      vendor === 'google' ? { code: 403, status: 'PERMISSION_DENIED' } : { param: null },
    )
  })

  it.each([
    ['openai', '/v1/responses', { model: 'm', input, background: true }, 'background'],
    [
      'openai',
      '/v1/responses',
      { model: 'm', input, previous_response_id: 'resp_1' },
      'previous_response_id',
    ],
    ['openai', '/v1/responses', { model: 'm', input, service_tier: 'priority' }, 'service_tier'],
    [
      'openai',
      '/v1/responses',
      { model: 'm', input, tools: [{ type: 'code_interpreter' }] },
      'code_interpreter',
    ],
    ['openai', '/v1/responses', { model: 'm', input: [...input, { id: 'msg_1' }] }, 'reference'],
    [
      'openai',
      '/v1/responses',
      { model: 'm', input: [{ type: 'item_reference', id: 'msg_1' }] },
      'reference',
    ],
    ['openai', '/v1/responses', { model: 'm', input: [...input, brought('mcp')] }, 'no tool mcp'],
    ['openai', '/v1/responses', { model: 'm', input, context_management: [] }, 'context_management'],
    ['openai', '/v1/chat/completions', { model: 'm', messages, n: 5 }, 'n:'],
    ['google', generate, { contents, cachedContent: 'cachedContents/1' }, 'cachedContent'],
    ['google', generate, { contents, generation_config: { candidateCount: 8 } }, 'generation_config'],
    ['google', generate, { contents, generationConfig: { candidateCount: 8 } }, 'one answer'],
    ['google', generate, { contents, generationConfig: { maxOutputTokens: 0 } }, 'maxOutputTokens'],
    ['google', generate, { contents, tools: [{ file_search: {} }] }, 'file_search'],
    ['google', generate, { contents, tools: { googleMaps: {} } }, 'googleMaps'],
  ] as const)(
    '%s: with a budget, %s with %j is refused: it has another price',
    async (vendor, path, body, words) => {
      const { model, gateway } = await priced(vendor, 2)
      const refused = await told(gateway, { path, body: JSON.stringify(body) })
      expect([refused.status, refused.body]).toEqual([400, expect.stringContaining(words)])
      expect(model.requests).toEqual([])
    },
  )

  it('tokens of images are counted by the API before the request is forwarded', async () => {
    const asked: string[] = []
    const url = await upstream((request, response) => {
      asked.push(request.url ?? '')
      request.resume()
      response.setHeader('content-type', 'application/json')
      const isCount = /countTokens|input_tokens/.test(request.url ?? '')
      response.end(JSON.stringify(isCount ? { totalTokens: 9000, input_tokens: 9000 } : {}))
    })
    const image = { inlineData: { mimeType: 'image/png', data: 'AAAA' } }
    const google = await gatewayTo('google', url, budgetOf('google', 2))
    const picture = [{ role: 'user', parts: [image] }]
    expect((await told(google, { path: stream, body: JSON.stringify({ contents: picture }) })).status).toBe(
      403,
    )
    const openai = await gatewayTo('openai', url, budgetOf('openai', 2))
    const shown = [{ role: 'user', content: [{ type: 'input_image', image_url: 'https://a.example/b.png' }] }]
    const body = JSON.stringify({ model: 'm', input: shown })
    expect((await told(openai, { path: '/v1/responses', body })).status).toBe(403)
    expect(asked).toEqual(['/v1beta/models/gemini-pro:countTokens', '/v1/responses/input_tokens'])
  })

  it('images that no API counts are estimated one by one, however short their addresses are', async () => {
    const { model, gateway } = await priced('openai', 40)
    const image = { type: 'image_url', image_url: { url: 'https://a.example/b.png' } }
    const shown = (count: number) => [{ role: 'user', content: Array.from({ length: count }, () => image) }]
    const send = async (count: number) => {
      const body = JSON.stringify({ model: 'm', messages: shown(count) })
      return (await told(gateway, { path: '/v1/chat/completions', body })).status
    }
    // An image may have 5,000 tokens, which are $5 here.
    expect(await send(10)).toBe(403)
    expect(model.requests).toEqual([])
    expect(await send(1)).toBe(200)
  })

  it('a bound is set only where the budget needs one, since a model refuses one above its own', async () => {
    const { model, gateway } = await priced('openai', 10_000)
    await told(gateway, { path: '/v1/responses', body: JSON.stringify({ model: 'm', input }) })
    expect(model.requests[0]?.body).toEqual({ model: 'm', input })
  })

  it('of a setting that is given twice, the model sees the one that was judged', async () => {
    const gateway = await gatewayTo('google', await upstream(echo), budgetOf('google', 10_000))
    const body = '{"contents":[],"generationConfig":{"candidateCount":8,"candidateCount":1}}'
    const { status, body: seen } = await told(gateway, { path: generate, body })
    expect([status, seen]).toEqual([200, '{"contents":[],"generationConfig":{"candidateCount":1}}'])
  })

  it('a body is JSON to the model, whatever the agent calls it', async () => {
    const gateway = await gatewayTo('google', await upstream(echo), budgetOf('google', 10_000))
    const headers = { 'content-type': 'application/x-protobuf' }
    const whole = await told(gateway, { path: generate, headers, body: '{"contents":[]}' })
    expect(seenBy(whole.headers).headers['content-type']).toBe('application/json')
  })

  it('searches have their fee reserved, also those of tools that the input brings, and of one tool without a list', async () => {
    const cases = [
      ['openai', '/v1/responses', { model: 'm', input: [...input, brought('web_search')] }],
      ['google', generate, { contents, tools: { googleSearch: {} } }],
    ] as const
    for (const [vendor, path, body] of cases) {
      const { model, gateway } = await priced(vendor, 100)
      // Ten searches, and what they find, cost more than that.
      expect((await told(gateway, { path, body: JSON.stringify(body) })).status).toBe(403)
      expect(model.requests.map((request) => request.path)).not.toContain(path)
    }
  })

  it('an answer is asked for no more searches than are paid for', async () => {
    const { model, gateway } = await priced('openai', 10_000)
    const body = { model: 'm', input, tools: [{ type: 'web_search' }] }
    await told(gateway, { path: '/v1/responses', body: JSON.stringify(body) })
    expect(model.requests[0]?.body).toEqual({ ...body, max_tool_calls: 10 })
  })

  it('usage that grows with each event of a completion counts as of its last', async () => {
    const event = (completion_tokens: number, finish_reason: string | null) =>
      `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, finish_reason }], usage: { prompt_tokens: 100, completion_tokens } })}\n\n`
    const url = await upstream((request, response) => {
      request.resume()
      response.setHeader('content-type', 'text/event-stream')
      response.end(`${event(1, null)}${event(200, null)}${event(400, 'stop')}data: [DONE]\n\n`)
    })
    const budget = budgetOf('openai', 10_000)
    const gateway = await gatewayTo('openai', url, budget)
    const body = JSON.stringify({ model: 'm', messages, stream: true })
    await told(gateway, { path: '/v1/chat/completions', body })
    expect(budget.spentUsd).toBeCloseTo(0.5)
  })

  it('an answer ends with the session', async () => {
    const url = await upstream((request, response) => {
      request.resume()
      response.write('data: {}\n\n')
    })
    const gateway = await gatewayTo('openai', url)
    const { answer: open } = await ask(gateway, { path: '/v1/responses', body: '{}' })
    const cut = expect(bodyOf(open)).rejects.toThrow(/aborted/)
    await gateway.close()
    await cut
  })
})
