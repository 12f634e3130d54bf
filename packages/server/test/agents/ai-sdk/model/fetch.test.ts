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
  it('requests to a model go through the configured proxy, but not to an address on loopback', async () => {
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

  it.each(['http', 'https'])(
    'an address on loopback is reached directly by %s, and nothing else is',
    async (scheme) => {
      const proxy = createServer()
      const tunnels: (string | undefined)[] = []
      proxy.on('connect', ({ url }, socket) => {
        tunnels.push(url)
        socket.destroy()
      })
      proxy.on('request', ({ url }, response) => {
        tunnels.push(url)
        response.destroy()
      })
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void proxy.close())
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const transport = openTransport({ HTTP_PROXY: url, HTTPS_PROXY: url })
      onTestFinished(() => transport.close())
      // Nothing listens on port 9.
      for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', 'LOCALHOST', '[::1]'])
        await expect(transport.fetch(`${scheme}://${host}:9/`)).rejects.toThrow('fetch failed')
      expect(tunnels).toEqual([])
      await expect(transport.fetch(`${scheme}://127.model.invalid:9/`)).rejects.toThrow('fetch failed')
      expect(tunnels).toHaveLength(1)
    },
  )

  it('an answer with a status that HTTP does not have is a failed request', async () => {
    const server = createServer((_request, response) => void response.writeHead(999).end('No'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { end } = await run({ url })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'provider_error',
      error: expect.stringContaining('status 999'),
    })
  })

  it('an answer keeps its status, its headers and an empty body', async () => {
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
