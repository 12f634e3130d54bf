import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openTransport } from '#agents/ai-sdk/model/fetch'
import { reply, run, say, serve } from '../support/executions.ts'

/** A forward proxy that sends every request to one address. Returns what was asked of it. */
async function openProxy(target: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const { pathname } = new URL(request.url ?? '/')
    const outgoing = httpRequest(
      new URL(pathname, target),
      { method: 'POST', headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    request.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

describe('the way to a model', () => {
  it('is the configured proxy, and not for an address on loopback', async () => {
    const model = await serve([reply({}, [say('Done.')])])
    const proxy = await openProxy(model.url)
    const proxyEnv = { HTTP_PROXY: proxy.url }
    const entry = { baseUrl: 'http://model.invalid/v1' }
    const { end } = await run(model, { entry, options: { proxyEnv } })
    expect(end).toMatchObject({ state: 'completed' })
    expect(proxy.asked).toEqual(['http://model.invalid/v1/chat/completions'])
    expect((await run(model, { options: { proxyEnv } })).end).toMatchObject({ state: 'completed' })
    expect(proxy.asked).toHaveLength(1)
  })

  it('passes on status, headers and an empty body', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(204, { 'x-list': ['a', 'b'] }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const transport = openTransport(undefined)
    onTestFinished(() => transport.close())
    const response = await transport.fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    expect(response.status).toBe(204)
    expect(response.headers.get('x-list')).toBe('a, b')
    expect(await response.text()).toBe('')
  })
})
