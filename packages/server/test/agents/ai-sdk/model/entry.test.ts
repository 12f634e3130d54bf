import { describe, expect, it } from 'vitest'
import { createAiSdkEngine } from '#agents/ai-sdk/engine'
import { type ModelEntries, resolveModel } from '#agents/ai-sdk/model/entry'
import { madeUpKeys, noLimits } from '../support/executions.ts'

const entries: ModelEntries = {
  local: { provider: 'openai-compatible', baseUrl: 'http://127.0.0.1:11434/v1', model: 'small' },
  nameless: { provider: 'openai-compatible', baseUrl: 'http://127.0.0.1:11434/v1', apiKeyEnv: 'LOCAL_KEY' },
  homeless: { provider: 'openai-compatible' },
  proxied: { provider: 'openai', baseUrl: 'https://models.example.org/v1', apiKeyEnv: 'PROXY_KEY' },
  priced: { provider: 'openai', model: 'big', price: { input: 1, output: 2 }, outputTokensMax: 100 },
}

function resolve(
  name: string | undefined,
  env: NodeJS.ProcessEnv = { ...madeUpKeys, PROXY_KEY: 'k', LOCAL_KEY: 'l' },
) {
  return resolveModel(name, entries, env)
}

describe('the name of a model', () => {
  it('a model is named by its provider and the provider’s own name, which may have colons', () => {
    expect(resolve('anthropic:claude:1')).toMatchObject({
      provider: 'anthropic',
      id: 'claude:1',
      apiKey: 'made-up-key',
      price: null,
      outputTokensMax: 8192,
    })
  })

  it('a model takes its settings from its own entry, then from the entry of its provider', () => {
    expect(resolve('openai:big')).toMatchObject({
      baseUrl: 'https://models.example.org/v1',
      apiKey: 'k',
      price: { input: 1, output: 2 },
      outputTokensMax: 100,
    })
    expect(resolve('openai:other')).toMatchObject({ baseUrl: 'https://models.example.org/v1', price: null })
  })

  it('a model of a compatible server is named by its entry, and by its own name where that is given', () => {
    expect(resolve('openai-compatible:local')).toMatchObject({ id: 'small', apiKey: undefined })
    expect(resolve('openai-compatible:local:qwen:7b')).toMatchObject({ id: 'qwen:7b' })
    expect(resolve('openai-compatible:nameless:x')).toMatchObject({ apiKey: 'l' })
  })

  it('the address of Anthropic in the environment is read as its own programs read it', () => {
    const at = (url: string) => resolve('anthropic:x', { ...madeUpKeys, ANTHROPIC_BASE_URL: url })
    expect(at('http://127.0.0.1:1/')).toMatchObject({ baseUrl: 'http://127.0.0.1:1/v1' })
    expect(at('http://127.0.0.1:1/v1')).toMatchObject({ baseUrl: 'http://127.0.0.1:1/v1' })
    expect(at('')).toMatchObject({ baseUrl: undefined })
  })

  it.each([
    [undefined, /needs a model, such as/],
    ['claude', /no known provider/],
    ['mistral:large', /no known provider/],
    ['anthropic:', /lacks the name/],
    ['openai-compatible:remote', /no OpenAI-compatible entry "remote": it has local, nameless, homeless/],
    ['openai-compatible:priced', /no OpenAI-compatible entry "priced"/],
    ['openai-compatible:constructor', /no OpenAI-compatible entry "constructor"/],
    ['openai-compatible:homeless', /needs a baseUrl/],
    ['openai-compatible:nameless', /names no model/],
    ['openai-compatible:local:', /has no name after its last colon/],
  ])('the model %s is refused with a sentence', (name, words) => {
    expect(resolve(name)).toMatch(words)
    expect(resolve(name)).toMatch(/\.$/)
  })

  it('a model without its key is refused by the name of the variable', () => {
    expect(resolve('anthropic:x', {})).toMatch(/needs a key in the variable ANTHROPIC_API_KEY/)
    expect(resolve('google:x', { GOOGLE_GENERATIVE_AI_API_KEY: '' })).toMatch(/GOOGLE_GENERATIVE_AI_API_KEY/)
    expect(resolve('openai:x', { OPENAI_API_KEY: 'k' })).toMatch(/PROXY_KEY/)
    expect(resolve('openai-compatible:nameless:x', {})).toMatch(/LOCAL_KEY/)
  })
})

describe('the engine', () => {
  const engine = createAiSdkEngine({
    models: entries,
    env: { ...madeUpKeys, PROXY_KEY: 'k' },
    tools: [],
    limits: {},
  })

  it('the engine refuses a limit in dollars on a model without a price', () => {
    const limits = { ...noLimits, usd: 1 }
    expect(engine.refuses({ model: 'anthropic:x', limits })).toMatch(/needs the price of "anthropic:x"/)
    expect(engine.refuses({ model: 'openai:big', limits })).toBeNull()
    expect(engine.refuses({ model: 'anthropic:x', limits: noLimits })).toBeNull()
  })
})

describe('the self-test of the engine', () => {
  const gate = { policy: undefined, hidden: [], home: '/made/up/home' }

  it('the self-test warns of an entry without its key, and of nothing else if the gate holds', async () => {
    const models: ModelEntries = {
      keyless: {
        provider: 'openai-compatible',
        baseUrl: 'http://127.0.0.1:1/v1',
        model: 'm',
        apiKeyEnv: 'GONE',
      },
      local: { provider: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1', model: 'm' },
      // Requests name a model of this server.
      many: { provider: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' },
    }
    const engine = createAiSdkEngine({ models, env: {}, tools: [], limits: {}, gate })
    expect(await engine.selfTest()).toEqual({
      problems: [],
      warnings: [expect.stringMatching(/^models\.keyless: .* the variable GONE /)],
    })
  })

  it('the self-test finds a gate that does not hold', async () => {
    const open = { ...gate, createPolicy: () => ({ decide: () => ({ decision: 'allow' as const }) }) }
    const engine = createAiSdkEngine({ models: {}, env: {}, tools: [], limits: {}, gate: open })
    const { problems } = await engine.selfTest()
    expect(problems).toContainEqual(expect.stringContaining('The policy does not hold: it allows Bash'))
  })
})
