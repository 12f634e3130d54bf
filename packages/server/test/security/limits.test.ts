/** Whatever a peer sends, or does not send, costs a known amount and is answered where it can be. */
import { readdirSync } from 'node:fs'
import { Server } from 'node:net'
import { Stream } from 'node:stream'
import { queryObjects } from 'node:v8'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { openRig, post, type Rig } from './support/server.ts'
import { exchange, openSocket, type RawAnswer, readAnswer } from './support/wire.ts'

const full = Boolean(process.env.MILLRACE_TEST_FULL)
let rig: Rig
beforeAll(async () => {
  rig = await openRig({
    config: { limits: { startsPerMinute: 5, loginsPerMinute: 3, bodyBytes: 2048 } },
  })
})
afterAll(() => rig.stop())

const problem = ({ body }: RawAnswer) => JSON.parse(body) as { code: string; status: number }
const headOf = (token: string, ...fields: string[]) =>
  ['Host: localhost', `Authorization: Bearer ${token}`, ...fields].join('\r\n')
const head = (...fields: string[]) => headOf(rig.owner, ...fields)

describe('a request that takes too long to arrive', () => {
  /** The other tests have the usual times: on a busy machine an honest request may take longer than these. */
  const times = { headersMs: 1000, requestMs: 1500, checkMs: 50 }
  let hasty: Rig
  beforeAll(async () => {
    hasty = await openRig({ http: { times } })
  })
  afterAll(() => hasty.stop())

  // Seen failing with headersTimeout and requestTimeout at 0.
  it('a request whose headers arrive a byte at a time is a 408', async () => {
    const { socket, text, closed } = await openSocket(hasty.port)
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n')
    const drip = setInterval(() => socket.write('X'), 50)
    await closed
    clearInterval(drip)
    expect(readAnswer(text()).status).toBe(408)
    expect(problem(readAnswer(text()))).toMatchObject({ code: 'request_timeout', status: 408 })
  })

  it('a request whose body arrives a byte at a time is a 408', async () => {
    const { socket, text, closed } = await openSocket(hasty.port)
    socket.write(
      `POST /api/runs HTTP/1.1\r\n${headOf(hasty.owner, 'Content-Type: application/json', 'Content-Length: 1000')}\r\n\r\n{`,
    )
    const drip = setInterval(() => socket.write(' '), 50)
    await closed
    clearInterval(drip)
    expect(problem(readAnswer(text()))).toMatchObject({ code: 'request_timeout', status: 408 })
  })

  it('a connection whose request never begins is cut', async () => {
    const { closed } = await openSocket(hasty.port)
    await closed
  })

  it('a stream outlives the time limits of requests', async () => {
    const id = await hasty.job(hasty.owner, 'wait')
    const { socket, text } = await openSocket(hasty.port)
    socket.write(`GET /api/stream/${id} HTTP/1.1\r\n${headOf(hasty.owner)}\r\n\r\n`)
    await until(() => text().includes('waiting'))
    await new Promise((resolve) => setTimeout(resolve, times.requestMs + 500))
    await hasty.as(hasty.admin, `/api/runs/${id}/abort`, { method: 'POST' })
    await until(() => text().includes('event: error'))
    socket.destroy()
  })
})

describe('a request that is too much', () => {
  // Seen failing with the clientErrorHandler left out.
  it('too large headers are a 431', async () => {
    const answer = await exchange(
      rig.port,
      `GET /healthz HTTP/1.1\r\n${head(`X: ${'x'.repeat(20_000)}`)}\r\n\r\n`,
    )
    expect(problem(answer)).toMatchObject({ code: 'headers_too_large', status: 431 })
  })

  it('too long an address is a 431', async () => {
    const answer = await exchange(rig.port, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${head()}\r\n\r\n`)
    expect(answer.status).toBe(431)
  })

  it('too many headers are refused, or not kept', async () => {
    const many = Array.from({ length: 3000 }, (_, n) => `A${n}:`)
    const answer = await exchange(
      rig.port,
      `GET /healthz HTTP/1.1\r\n${head(...many, 'Connection: close')}\r\n\r\n`,
    )
    expect([200, 431]).toContain(answer.status)
  })

  // Seen failing with the bodyLimit left out.
  it('too large a body is a 413 at once, whether its length is announced or not', async () => {
    const large = JSON.stringify({ kind: 'job', project: 'here', tool: 'x'.repeat(4000) })
    const told = await rig.as(rig.owner, '/api/runs', post(JSON.parse(large)))
    expect(told.status).toBe(413)
    expect(await told.json()).toMatchObject({ code: 'payload_too_large' })
    const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`
    const fields = head('Content-Type: application/json', 'Transfer-Encoding: chunked', 'Connection: close')
    expect((await exchange(rig.port, `POST /api/runs HTTP/1.1\r\n${fields}\r\n\r\n${chunked}`)).status).toBe(
      413,
    )
    // Said to be endless: answered without waiting for it.
    const endless = head('Content-Type: application/json', 'Content-Length: 99999999999', 'Connection: close')
    expect((await exchange(rig.port, `POST /api/runs HTTP/1.1\r\n${endless}\r\n\r\n`)).status).toBe(413)
  })

  // Seen failing with nestsDeeperThan answering false.
  it('a body that nests too deep is a 400, before anything walks it', async () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    for (const [body, detail] of [
      [nested(65), /deeper/],
      [nested(1000), /deeper/],
      [nested(64), /^(?!.*deeper)/],
      [JSON.stringify({ kind: `${'['.repeat(500)}"\\`, x: '{'.repeat(200) }), /^(?!.*deeper)/],
    ] as const) {
      const response = await rig.as(rig.owner, '/api/runs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expect(response.status).toBe(400)
      expect(((await response.json()) as { detail: string }).detail).toMatch(detail)
    }
  })

  it('a body with keys such as __proto__ is a 400', async () => {
    for (const body of ['{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"admin":true}}}']) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
      expect((await rig.as(rig.owner, '/api/runs', init)).status).toBe(400)
    }
    expect('admin' in {}).toBe(false)
  })

  it('two lengths, or an invalid one, are a 400, and no second request is smuggled in', async () => {
    const smuggled = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    for (const fields of [
      ['Content-Length: 4', 'Content-Length: 5'],
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Content-Length: +4'],
      ['Content-Length: 4 4'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding : chunked'],
      ['X: a\r\n folded'],
    ]) {
      const answer = await exchange(
        rig.port,
        `POST /api/runs HTTP/1.1\r\n${head(...fields)}\r\n\r\n0\r\n\r\n${smuggled}`,
      )
      expect([fields, answer.status]).toEqual([fields, 400])
      expect(answer.body).not.toContain('HTTP/1.1 200')
    }
  })

  // Failed before: the answer was written into the stream.
  it('nonsense behind a stream’s request ends the connection, and is not answered within the stream', async () => {
    const id = await rig.job(rig.owner, 'wait')
    const { socket, text, closed } = await openSocket(rig.port)
    socket.write(`GET /api/stream/${id} HTTP/1.1\r\n${head()}\r\n\r\n`)
    await until(() => text().includes('waiting'))
    socket.write('NONSENSE\r\n\r\n')
    await closed
    expect(text()).not.toContain('400')
    expect(text()).not.toContain('invalid_request')
    await rig.as(rig.admin, `/api/runs/${id}/abort`, { method: 'POST' })
  })
})

describe('too often', () => {
  // Seen failing with the call of rates.starts taken out of each of the three routes.
  it('too many starts are a 429 with a time to wait, over all faces together, for this user alone', async () => {
    const { token } = await rig.newToken('rita')
    const native = () => rig.as(token, '/api/runs', post({ kind: 'job', project: 'here', tool: 'hello' }))
    const jobs = () => rig.as(token, '/api/execute', post({ toolId: 'hello', projectId: 'here' }))
    const first = await native()
    const { run } = (await first.json()) as { run: { id: string } }
    const statuses = [first.status]
    for (const start of [jobs, native, jobs, native]) statuses.push((await start()).status)
    expect(statuses).toEqual([201, 200, 201, 200, 201])
    const retry = () => rig.as(token, `/api/runs/${run.id}/retry`, { method: 'POST' })
    for (const start of [native, jobs, retry]) {
      const response = await start()
      expect(response.status).toBe(429)
      const seconds = Number(response.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(60)
    }
    const { token: another } = await rig.newToken('rosa')
    expect((await rig.as(another, '/api/execute', post({ toolId: 'hello', projectId: 'here' }))).status).toBe(
      200,
    )
  })

  // Failed before: ten wrong codes from a job on the same machine kept the holder of a good one out.
  it('too many wrong login codes are a 429, and a good one from the same address still logs in', async () => {
    const attempt = (code: string, headers: Record<string, string> = {}) =>
      fetch(`${rig.url}/login?code=${code}`, { redirect: 'manual', headers })
    for (let n = 0; n < 3; n++) expect((await attempt(`mr_login_${n}`)).status).toBe(401)
    // No header of an untrusted proxy changes whose attempts these are.
    for (const headers of [{}, { 'x-forwarded-for': '192.0.2.9' }, { forwarded: 'for=192.0.2.9' }]) {
      const refused = await attempt('mr_login_wrong', headers as Record<string, string>)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const good = new URL(rig.loginUrl).searchParams.get('code') ?? ''
    expect((await attempt(good)).status).toBe(303)
    expect((await attempt(good)).status).toBe(429)
  })

  // Failed before: a user could fill the disk with tickets, which are kept for thirty days.
  it('too many tickets are a 429, for this user alone', async () => {
    const { token } = await rig.newToken('tom')
    const path = '/api/stream/00000000-0000-4000-8000-000000000000'
    const ask = async (by = token) => (await rig.as(by, '/api/tickets', post({ path }))).status
    for (let n = 0; n < 30; n++)
      expect(await Promise.all(Array.from({ length: 10 }, () => ask()))).toEqual(Array(10).fill(404))
    expect(await ask()).toBe(429)
    expect(await ask(rig.owner)).toBe(404)
  })

  // Failed before: the first address of X-Forwarded-For counted, which the client itself writes.
  it('behind a trusted proxy the address that the proxy saw counts', async () => {
    const behind = await openRig({ config: { http: { trustProxy: true }, limits: { loginsPerMinute: 1 } } })
    try {
      const attempt = (forwarded: string) =>
        fetch(`${behind.url}/login?code=x`, { headers: { 'x-forwarded-for': forwarded } })
      expect((await attempt('192.0.2.1')).status).toBe(401)
      expect((await attempt('198.51.100.7, 192.0.2.1')).status).toBe(429)
      expect((await attempt('203.0.113.5, 198.51.100.8, 192.0.2.1')).status).toBe(429)
      expect((await attempt('192.0.2.1, 192.0.2.2')).status).toBe(401)
    } finally {
      await behind.stop()
    }
  })
})

describe('connections', () => {
  /**
   * Sockets, requests and responses that can still be reached: all are streams, and nothing else here comes and goes in
   * hundreds. Counting collects garbage first, so it is done once for all of them.
   */
  const connectionObjects = () => queryObjects(Stream, { format: 'count' })
  const descriptors = () => readdirSync('/proc/self/fd').length

  // Seen failing with `whenOver` not called for a connection that closed, and with responses kept in a list.
  it('hundreds of connections, opened and dropped at every stage, leave nothing behind', async () => {
    const id = await rig.job(rig.admin, 'wait')
    const requests = [
      '',
      'GET /hea',
      `POST /api/runs HTTP/1.1\r\n${head('Content-Type: application/json', 'Content-Length: 100')}\r\n\r\n{`,
      `GET /api/runs/${id}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${rig.admin}\r\n\r\n`,
    ]
    const wave = async (count: number) => {
      const opened = await Promise.all(Array.from({ length: count }, () => openSocket(rig.port)))
      for (const [n, { socket }] of opened.entries()) socket.write(requests[n % requests.length] ?? '')
      // A follower is dropped once it follows; the others while their request is on its way.
      for (const [n, { socket, text }] of opened.entries()) {
        if (n % requests.length === 3) await until(() => text().includes('\r\n\r\n'))
        if (n % 2 === 0) socket.resetAndDestroy()
        else socket.destroy()
      }
      await Promise.all(opened.map(({ closed }) => closed))
    }
    await wave(100)
    await until(async () => (await rig.gauge('millrace_followers')) === 0)
    const [before, objects] = [descriptors(), connectionObjects()]
    for (let n = 0; n < (full ? 50 : 4); n++) await wave(100)
    await until(async () => (await rig.gauge('millrace_followers')) === 0)
    // One connection, kept alive by the client of this test, may come or go.
    await until(() => descriptors() <= before + 1)
    // Bytes would not do: compiled code and buffers kept for later come and go with the load of the machine.
    await until(() => connectionObjects() <= objects + 10)
    await rig.as(rig.admin, `/api/runs/${id}/abort`, { method: 'POST' })
    expect((await fetch(`${rig.url}/healthz`)).status).toBe(200)
  })

  // Seen failing with sockets whose `end` and `destroySoon` did nothing.
  it('a hundred connections that only half close are closed, before their request and after their answer', async () => {
    const before = descriptors()
    const opened = await Promise.all(Array.from({ length: 100 }, () => openSocket(rig.port)))
    for (const [n, { socket }] of opened.entries()) {
      if (n % 2 === 0) socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
      socket.end()
    }
    await Promise.all(opened.map(({ closed }) => closed))
    await until(() => descriptors() <= before + 1)
  })

  // Seen failing with the limits of headers (`maxHeaderSize`) and of bodies (`bodyLimit`) at a hundred megabytes.
  it('floods of headers and bodies are refused or cut before they are complete, and the server keeps working', async () => {
    /** The status, or 0 when the connection was cut before the answer could be read. */
    const flood = async (first: string, more: string) => {
      const { socket, text, closed } = await openSocket(rig.port)
      socket.write(first)
      for (let sent = 0; sent < 4_000_000 && !socket.destroyed; sent += more.length) {
        if (!socket.write(more)) await new Promise((resolve) => setImmediate(resolve))
      }
      await closed
      return readAnswer(text()).status
    }
    const statuses = await Promise.all([
      flood('GET / HTTP/1.1\r\nHost: localhost\r\n', `X: ${'x'.repeat(60_000)}\r\n`),
      flood('', 'x'.repeat(60_000)),
      flood(
        `POST /api/runs HTTP/1.1\r\n${head('Content-Type: application/json', 'Transfer-Encoding: chunked')}\r\n\r\n`,
        `1000\r\n${'x'.repeat(4096)}\r\n`,
      ),
      flood(
        `POST /api/runs HTTP/1.1\r\n${head('Content-Type: application/json', 'Content-Length: 99999999')}\r\n\r\n`,
        'x'.repeat(60_000),
      ),
    ])
    const wanted = [431, 400, 413, 413]
    for (const [n, status] of statuses.entries()) expect([0, wanted[n]]).toContain(status)
    expect((await fetch(`${rig.url}/healthz`)).status).toBe(200)
  })

  // Counting six hundred accepted connections could not fail: a kernel retries those its queue has no room for.
  // Seen failing with the backlog left out in serve.ts.
  it('connections may wait in the longest queue that the kernel allows', async () => {
    const listening = vi.spyOn(Server.prototype, 'listen')
    const another = await openRig()
    onTestFinished(() => another.stop())
    onTestFinished(() => listening.mockRestore())
    expect(listening.mock.calls.map(([options]) => options)).toContainEqual(
      expect.objectContaining({ backlog: 65_535 }),
    )
  })
})
