import { connect } from 'node:net'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { post, startLoggedServer } from './support/logged-server.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/

describe('a request', () => {
  it('a request has one log line: user, route, status, and the name it was answered with', async () => {
    const server = await startLoggedServer()
    const response = await server.call('/api/runs/11111111-1111-4111-8111-111111111111?verbose=1')
    const requestId = response.headers.get('x-request-id')
    expect(requestId).toMatch(uuid)
    const line = await until(() => server.lines('request')[0])
    expect(line).toMatchObject({
      method: 'GET',
      route: '/api/runs/:id',
      status: 404,
      code: 'not_found',
      user: 'admin',
      requestId,
      ms: expect.any(Number),
    })
    expect(server.lines('request')).toHaveLength(1)
  })

  it('a request that is refused before any route has its log line too', async () => {
    const server = await startLoggedServer()
    await fetch(`${server.url}/api/runs`)
    await fetch(`${server.url}/nowhere`)
    await raw(server.port, 'GET /api/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    await until(() => server.lines('request').length === 3)
    const lines = server.lines('request').map(({ route, status, code }) => ({ route, status, code }))
    expect(lines).toEqual([
      { route: '/api/runs', status: 401, code: 'unauthenticated' },
      { route: 'none', status: 404, code: 'not_found' },
      { route: '/api/runs', status: 421, code: 'misdirected' },
    ])
    for (const line of server.lines('request')) expect(line.requestId).toMatch(uuid)
  })

  it("a start beyond a user's quota is logged as a refusal, and as no failure of the server", async () => {
    const ownerBytes = 1024 ** 2
    const server = await startLoggedServer({ limits: { ownerBytes } })
    const start = () => server.call('/api/runs', post({ kind: 'external', title: 'Nightly' }))
    const { run } = (await (await start()).json()) as { run: { id: string } }
    const event = { type: 'note', data: 'x'.repeat(50_000) }
    const batch = post({ events: Array.from({ length: 12 }, () => event) })
    for (let sent = 0; sent < ownerBytes; sent += 600_000)
      await server.call(`/api/runs/${run.id}/events`, batch)
    expect((await start()).status).toBe(507)
    await until(() => server.lines('request').some(({ code }) => code === 'quota_exceeded'))
    expect(server.lines('a request failed')).toEqual([])
  })

  it("a request for the server's health is not logged, however often it comes", async () => {
    const server = await startLoggedServer()
    for (const path of ['/healthz', '/readyz', '/metrics']) await (await server.call(path)).text()
    await (await server.call('/api/projects')).text()
    await until(() => server.lines('request').length > 0)
    expect(server.lines('request').map(({ route }) => route)).toEqual(['/api/projects'])
  })

  it('a request keeps the name a trusted proxy gave it, where that is a sane one', async () => {
    const names = [
      'abc-DEF_123.4:5',
      'f'.repeat(64),
      'short',
      'f'.repeat(65),
      'with blank',
      '<script>alert',
      '',
    ]
    const nameBack = async (server: { call: (path: string, init: RequestInit) => Promise<Response> }) => {
      const back: (string | null)[] = []
      for (const name of names) {
        const response = await server.call('/api/projects', { headers: { 'X-Request-Id': name } })
        back.push(response.headers.get('x-request-id'))
        await response.text()
      }
      return back
    }
    const behindProxy = await startLoggedServer({ http: { trustProxy: true } })
    const [plain, long, ...rest] = await nameBack(behindProxy)
    expect([plain, long]).toEqual(names.slice(0, 2))
    for (const name of rest) expect(name).toMatch(uuid)
    await until(() => behindProxy.lines('request').length === names.length)
    expect(behindProxy.lines('request')[0]).toMatchObject({ requestId: names[0] })

    for (const name of await nameBack(await startLoggedServer())) expect(name).toMatch(uuid)
  })
})

describe('a stream', () => {
  it('a stream has a log line at its start and one at its end, which says how far it came', async () => {
    const server = await startLoggedServer()
    const { id: run, head } = await server.toEnd('two')
    const opened = await until(() => server.lines('stream opened')[0])
    const ended = await until(() => server.lines('stream ended')[0])
    expect(opened).toMatchObject({ route: '/api/runs/:id/events', run, user: 'admin', after: 0 })
    expect(ended).toMatchObject({
      route: '/api/runs/:id/events',
      status: 200,
      run,
      user: 'admin',
      through: head,
      ms: expect.any(Number),
      requestId: opened.requestId,
    })
    expect(ended.bytes).toBeGreaterThan(200)
    expect(server.lines('request').map(({ route }) => route)).not.toContain('/api/runs/:id/events')
  })

  it('a stream whose client leaves has its last log line then', async () => {
    const server = await startLoggedServer()
    const { id } = await server.start('wait')
    const leave = new AbortController()
    const response = await server.call(`/api/stream/${id}`, { signal: leave.signal })
    expect(response.headers.get('x-request-id')).toMatch(uuid)
    const reader = response.body?.getReader()
    let text = ''
    while (!text.includes('waiting')) text += new TextDecoder().decode((await reader?.read())?.value)
    expect(server.lines('stream ended')).toEqual([])
    leave.abort()
    const ended = await until(() => server.lines('stream ended')[0])
    expect(ended).toMatchObject({ run: id, route: '/api/stream/:jobId' })
    expect(ended.through).toBeGreaterThanOrEqual(3)
  })

  it('a stream of topics has its two log lines: the last names its user, and neither the id that only its client may know', async () => {
    const server = await startLoggedServer()
    const leave = new AbortController()
    const response = await fetch(`${server.url}/api/realtime`, { signal: leave.signal })
    const first = new TextDecoder().decode((await response.body?.getReader().read())?.value)
    const clientId = /"clientId":"([^"]+)"/.exec(first)?.[1] ?? 'none'
    const opened = await until(() => server.lines('stream opened')[0])
    expect(opened).toMatchObject({ route: '/api/realtime' })
    expect(opened).not.toHaveProperty('user')
    await server.call('/api/realtime', post({ clientId, subscriptions: ['runs/*', 'mine'] }))
    leave.abort()
    const ended = await until(() => server.lines('stream ended')[0])
    expect(ended).toMatchObject({
      route: '/api/realtime',
      status: 200,
      user: 'admin',
      subscriptions: 2,
      requestId: opened.requestId,
    })
    expect(ended.bytes).toBeGreaterThan(100)
    expect(server.lines('request').map(({ method }) => method)).toEqual(['POST'])
    expect(server.text()).not.toContain(clientId)
    expect(await (await server.call('/metrics')).text()).not.toMatch(
      /duration\S+method="GET",route="\/api\/realtime"/,
    )
  })

  it('a stream with nothing to send, or of no run, is logged as a request like any other', async () => {
    const server = await startLoggedServer()
    const { id, head } = await server.toEnd('two')
    const over = await server.call(`/api/runs/${id}/events?after=${head}`)
    expect(over.status).toBe(204)
    await (await server.call('/api/probe/stream')).text()
    await until(() => server.lines('request').some(({ route }) => route === '/api/probe/stream'))
    const lines = server.lines('request').map(({ route, status }) => `${route} ${status}`)
    expect(lines).toContain('/api/runs/:id/events 204')
    expect(lines).toContain('/api/probe/stream 200')
  })
})

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8').on('data', (data: string) => {
      answer += data
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
