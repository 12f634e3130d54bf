/** Canaries: whatever a client sends, and wherever it puts it, the log at its most talkative has none of it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { until } from '@millrace/test-support/until'
import { expect, it } from 'vitest'
import { type LoggedServer, post, startLoggedServer } from './support/logged-server.ts'

const canary = 'CANARY7f3a9c51e2'

/** The canary, plain and in the encodings in which it might appear. */
const disguises = [
  canary,
  Buffer.from(canary).toString('hex'),
  Buffer.from(canary).toString('base64').slice(0, 12),
  [...Buffer.from(canary)].join(','),
]

function expectSilence(server: LoggedServer): void {
  const text = server.text().toLowerCase()
  for (const disguise of disguises) {
    const at = text.indexOf(disguise.toLowerCase())
    expect(at === -1 ? '' : text.slice(Math.max(at - 300, 0), at + 100)).toBe('')
  }
}

const everyHeader = {
  'x-api-key': canary,
  'x-request-id': canary,
  'x-forwarded-for': canary,
  'x-forwarded-host': canary,
  'user-agent': canary,
  referer: `http://${canary}.example/?q=${canary}`,
  origin: `http://${canary}.example`,
  'last-event-id': canary,
  'millrace-epoch': canary,
  'idempotency-key': canary,
  accept: `text/${canary}, */*`,
  'accept-encoding': canary,
  'if-none-match': canary,
  [canary]: canary,
}

const query = ['code', 'ticket', 'token', 'after', 'lastEventId', 'types', 'epoch', 'cursor', 'limit', canary]
  .map((name) => `${name}=${canary}`)
  .join('&')

interface Operation {
  method: string
  path: string
}

/** Every route that the API's document has, and those it hides. */
async function operationsOf(server: LoggedServer): Promise<Operation[]> {
  const api = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  const documented = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  )
  expect(documented.length).toBeGreaterThan(12)
  const hidden = ['/', '/login', '/docs', '/docs/json', '/openapi.json', `/${canary}`, `/page/${canary}.js`]
  return [...documented, ...hidden.map((path) => ({ method: 'GET', path }))]
}

/** Sends one request; any answer will do, or the end of the connection. */
async function poke(url: string, init: RequestInit): Promise<void> {
  const stop = new AbortController()
  try {
    const response = await fetch(url, { redirect: 'manual', signal: stop.signal, ...init })
    // The stream of an open run would never end.
    if (!(response.headers.get('content-type') ?? '').includes('event-stream')) await response.text()
  } finally {
    stop.abort()
  }
}

const rich = {
  limits: { startsPerMinute: 100_000, loginsPerMinute: 100_000 },
} as Parameters<typeof startLoggedServer>[0]

it('at level trace, the log holds nothing that clients send to any route, in any place, with any credential', async () => {
  const server = await startLoggedServer(rich, { level: 'trace' })
  const operations = await operationsOf(server)
  const credentials: Record<string, string>[] = [
    { authorization: `Bearer ${server.token}` },
    { authorization: `Bearer ${canary}` },
    { authorization: `Basic ${canary}` },
    { cookie: `millrace_${server.port}=${canary}; other=${canary}` },
  ]
  const bodies = [
    JSON.stringify({ kind: 'job', project: canary, tool: canary, args: { [canary]: canary } }),
    JSON.stringify({ kind: 'job', project: 'here', tool: 'say', args: { words: canary } }),
    JSON.stringify({ toolId: canary, projectId: canary, path: canary, [canary]: [canary] }),
    `{"kind": "${canary}`,
    canary,
  ]
  let sent = 0
  for (const { method, path } of operations) {
    const url = `${server.url}${path.replace(/\{[^}]*\}/g, canary)}?${query}`
    for (const credential of credentials) {
      const headers = { ...everyHeader, ...credential }
      const withBody = method === 'GET' || method === 'HEAD' ? [undefined] : bodies
      for (const body of withBody) {
        const type = { 'content-type': body === canary ? `text/${canary}` : 'application/json' }
        await poke(url, { method, headers: { ...headers, ...type }, ...(body && { body }) })
        sent += 1
      }
    }
  }
  await until(() => server.text().includes('"msg":"request"'))
  expect(sent).toBeGreaterThan(100)
  expectSilence(server)
})

it('at level trace, the log holds no bytes that parser errors quote', async () => {
  const server = await startLoggedServer({}, { level: 'trace' })
  const host = `Host: 127.0.0.1\r\nAuthorization: Bearer ${canary}\r\n`
  const garbage = [
    `GET /${canary} HTTP/9.9\r\n${host}\r\n`,
    `${canary} / HTTP/1.1\r\n${host}\r\n`,
    `GET / HTTP/1.1\r\n${host}Bad Header ${canary}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}X: ${canary.repeat(2000)}\r\n\r\n`,
    `GET /%zz${canary}?code=${canary} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    `GET /api/runs HTTP/1.1\r\nHost: ${canary}.example\r\nConnection: close\r\n\r\n`,
    `POST /api/runs HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${canary}`,
    `POST /api/runs HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${canary}\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  ]
  for (const text of garbage) {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(text))
    socket.resume()
    socket.on('error', () => {})
    await once(socket, 'close')
  }
  expectSilence(server)
})

it('at level trace, the log holds no token, code, cookie or ticket, though each of them is used', async () => {
  const adminToken = `outside-${canary}`
  const server = await startLoggedServer({}, { level: 'trace', env: { MILLRACE_TOKEN: adminToken } })
  const secrets = [adminToken, server.token, new URL(server.loginUrl).searchParams.get('code') ?? '']
  const login = await fetch(server.loginUrl, { redirect: 'manual' })
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  expect(cookie).toContain('=mr_cookie_')
  secrets.push(cookie.split('=')[1] ?? '')
  const own = { cookie, 'sec-fetch-site': 'same-origin' }
  expect((await fetch(`${server.url}/api/runs`, { headers: own })).status).toBe(200)
  const admin = { authorization: `Bearer ${adminToken}` }
  expect((await fetch(`${server.url}/api/runs`, { headers: admin })).status).toBe(200)
  const code = (await (await server.call('/api/login-codes', { method: 'POST' })).json()) as { url: string }
  secrets.push(new URL(code.url).searchParams.get('code') ?? '')

  const { id } = await server.toEnd('say', { words: canary })
  const path = `/api/runs/${id}/events`
  const given = (await (await server.call('/api/tickets', post({ path }))).json()) as { ticket: string }
  secrets.push(given.ticket)
  expect((await fetch(`${server.url}${path}?ticket=${given.ticket}`)).status).toBe(200)
  await fetch(`${server.url}/api/logout`, { method: 'POST', headers: own })
  await until(() => server.lines('stream ended').length >= 2)
  await server.stop()

  expect(secrets.length).toBe(6)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(16)
    expect(server.text()).not.toContain(secret)
  }
  expectSilence(server)
})
