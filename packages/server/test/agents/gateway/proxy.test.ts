import { afterEach, describe, expect, it } from 'vitest'
import { openModelGateway } from '#agents/gateway/gateway'
import { after, ask, bodyOf, key, releaseAll, upstream } from '#test/agents/gateway/support/gateway'

afterEach(releaseAll)

/** A proxy that answers with the requested target. */
const proxy = () => upstream((request, response) => response.end(`proxied ${request.url}`))

async function answerFrom(baseUrl: string, proxyEnv: NodeJS.ProcessEnv): Promise<string> {
  const gateway = await openModelGateway({ baseUrl, apiKey: key, proxyEnv })
  after(() => gateway.close())
  const { answer } = await ask(gateway, { body: '{}' })
  return String(await bodyOf(answer))
}

describe('a server behind a proxy', () => {
  it('a request to the API goes through the proxy', async () => {
    const answer = await answerFrom('http://api.example.test', { HTTP_PROXY: await proxy() })
    expect(answer).toBe('proxied http://api.example.test/v1/messages')
  })

  it('a host of NO_PROXY is asked directly', async () => {
    const env = { HTTP_PROXY: await proxy(), NO_PROXY: 'api.example.test' }
    expect(await answerFrom('http://api.example.test', env)).toMatch(/cannot be reached/)
  })

  it('an API on loopback is asked directly', async () => {
    const api = await upstream((_request, response) => response.end('direct'))
    expect(await answerFrom(api, { HTTP_PROXY: await proxy() })).toBe('direct')
  })

  it.each(['[::ffff:127.0.0.1]', '0.0.0.0'])('so is one that is called %s', async (host) => {
    const api = await upstream((_request, response) => response.end('direct'))
    const answer = await answerFrom(api.replace('127.0.0.1', host), { HTTP_PROXY: await proxy() })
    expect(answer).toBe('direct')
  })
})
