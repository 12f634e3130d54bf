import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkModels } from '#cli/doctor/models'
import type { ModelSettings } from '#config/config'

async function serverThatAnswers(status: number): Promise<{ baseUrl: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? 'no key'}`)
    response.writeHead(status).end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked }
}

async function found(entry: ModelSettings, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const [check] = await checkModels({ models: new Map([['mine', entry]]) }, env)
  return `${check?.status} ${check?.detail}`
}

const local = { provider: 'openai-compatible', model: 'tiny' } as const

describe('the models of executions, as the doctor sees them', () => {
  it('a local model server that answers is found, with its key and without asking its model anything', async () => {
    const { baseUrl, asked } = await serverThatAnswers(404)
    const price = { input: 0, output: 0 }
    const entry = { ...local, baseUrl: `${baseUrl}/`, apiKeyEnv: 'MINE', price }
    expect(await found(entry, { MINE: 'made-up' })).toBe(`ok mine: ${baseUrl}/ answers`)
    expect(asked).toEqual(['GET /v1/models Bearer made-up'])
  })

  it('a server that refuses the key, or is not there, is a warning that names its address', async () => {
    const { baseUrl } = await serverThatAnswers(401)
    expect(await found({ ...local, baseUrl })).toBe(`warn mine: ${baseUrl} refuses the key (status 401)`)
    const gone = 'http://127.0.0.1:9/v1'
    expect(await found({ ...local, baseUrl: gone })).toMatch(
      /^warn mine: http:\/\/127\.0\.0\.1:9\/v1 does not answer: /,
    )
  })

  it('an entry without its key is a warning that names the variable; one without a price says so', async () => {
    const entry = { provider: 'openai', model: 'big' } as const
    expect(await found(entry)).toContain('OPENAI_API_KEY')
    expect(await found(entry)).toMatch(/^warn/)
    expect(await found(entry, { OPENAI_API_KEY: 'made-up' })).toBe(
      'ok mine: the key for openai is set; no price is set, so its cost is unknown',
    )
  })

  it('an entry that leaves the model to the request is fine', async () => {
    const { baseUrl } = await serverThatAnswers(200)
    const price = { input: 0, output: 0 }
    expect(await found({ provider: 'openai-compatible', baseUrl, price })).toBe(`ok mine: ${baseUrl} answers`)
  })

  it('an entry has the price that its provider has for all models', async () => {
    const models = new Map<string, ModelSettings>([
      ['big', { provider: 'openai', model: 'big' }],
      ['all', { provider: 'openai', price: { input: 1, output: 2 } }],
    ])
    const [big] = await checkModels({ models }, { OPENAI_API_KEY: 'made-up' })
    expect(big?.detail).toBe('big: the key for openai is set')
  })

  it('without entries, it says which providers have a key', async () => {
    const last = async (env: NodeJS.ProcessEnv) => (await checkModels({ models: undefined }, env)).at(-1)
    expect((await last({}))?.detail).toContain('no provider has a key')
    expect((await last({ ANTHROPIC_API_KEY: 'a', GOOGLE_GENERATIVE_AI_API_KEY: 'b' }))?.detail).toContain(
      'anthropic, google',
    )
  })
})
