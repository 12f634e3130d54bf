import { createServer } from 'node:http'
import { expect, it, vi } from 'vitest'
import { requestPage } from '#agents/tools/inside/web/request'

vi.mock('node:dns', () => ({
  lookup: (_name: string, _options: object, callback: (error: null, addresses: object[]) => void) =>
    callback(null, [{ address: '127.0.0.1', family: 4 }]),
}))

it('a public name that leads to the local network is not connected to', async () => {
  let connections = 0
  const server = createServer((_request, response) => response.end('secret'))
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = new URL(`http://rebound.example.org:${typeof address === 'object' ? address?.port : ''}/`)
  const request = { allowedHosts: [], bytesMax: 1000, signal: AbortSignal.timeout(60_000) }
  await expect(requestPage(url, request)).rejects.toThrow('leads to 127.0.0.1')
  expect(connections).toBe(0)
  const allowed = await requestPage(url, { ...request, allowedHosts: ['rebound.example.org'] }).catch(String)
  expect(allowed).not.toContain('leads to')
  server.close()
})
