/** A page of another origin, or a name that points at us, can do nothing. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRig, post, type Rig } from './support/server.ts'
import { exchange } from './support/wire.ts'

const friend = 'https://app.example.org'
let rig: Rig
beforeAll(async () => {
  rig = await openRig({
    config: { http: { hosts: ['millrace.example.org', 'fd00::7'], cors: { origins: [friend] } } },
  })
})
afterAll(() => rig.stop())

const get = (target: string, ...fields: string[]) =>
  exchange(
    rig.port,
    `GET ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}Connection: close\r\n\r\n`,
  )

describe('Host', () => {
  // Seen failing with `isOurs` answering true; absolute targets, two fields and bracketed addresses each
  // before they were looked at.
  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:4000', 200],
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['[::1]', 200],
    ['[::1]:8080', 200],
    ['millrace.example.org', 200],
    ['Millrace.Example.ORG:443', 200],
    ['[fd00::7]:4000', 200],
    ['evil.example', 421],
    ['evil.example:4000', 421],
    ['127.0.0.1.evil.example', 421],
    ['millrace.example.org.evil.example', 421],
    ['notmillrace.example.org', 421],
    ['millrace.example.org.', 421],
    ['localhost.', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.2', 421],
    ['127.1', 421],
    ['2130706433', 421],
    ['0.0.0.0', 421],
    ['[::]', 421],
    ['[::ffff:127.0.0.1]', 421],
    ['::1', 421],
    ['169.254.169.254', 421],
    ['', 421],
    ['localhost@evil.example', 421],
    ['localhost, evil.example', 421],
  ])('whatever the request, Host: %s is %i', async (host, status) => {
    for (const path of ['/healthz', '/runs', '/docs/json', '/nothing']) {
      const answer = await get(path, `Host: ${host}`)
      expect([path, answer.status]).toEqual([path, path === '/nothing' && status === 200 ? 404 : status])
    }
  })

  it('a target in absolute form names the host too', async () => {
    expect((await get('http://evil.example/healthz', 'Host: localhost')).status).toBe(421)
    expect((await get('http://localhost/healthz', 'Host: evil.example')).status).toBe(421)
    expect((await get('http://localhost:4000/healthz', 'Host: localhost')).status).toBe(200)
    expect((await get('//evil.example/healthz', 'Host: localhost')).status).toBeGreaterThanOrEqual(400)
    expect((await get('/%zz', 'Host: evil.example')).status).toBe(421)
  })

  it('two Host fields are no request, nor is none in HTTP/1.1; HTTP/1.0 without one names no host of ours', async () => {
    expect((await get('/healthz', 'Host: localhost', 'Host: evil.example')).status).toBe(400)
    expect((await get('/healthz', 'Host: evil.example', 'host: localhost')).status).toBe(400)
    expect((await get('/healthz')).status).toBe(400)
    expect((await exchange(rig.port, 'GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(421)
    expect((await exchange(rig.port, 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n')).status).toBe(200)
  })

  it('no header of an untrusted proxy makes a foreign Host ours', async () => {
    const fields = ['Host: evil.example', 'X-Forwarded-Host: localhost', 'Forwarded: host=localhost']
    expect((await get('/healthz', ...fields)).status).toBe(421)
  })

  it('a foreign Host is refused even with a valid credential, with a problem that says what to do', async () => {
    const answer = await get('/api/runs', 'Host: rebound.evil.example', `Authorization: Bearer ${rig.admin}`)
    expect(answer.status).toBe(421)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'misdirected', status: 421 })
  })
})

describe('origins of a write with a cookie', () => {
  const own = () => `http://127.0.0.1:${rig.port}`
  const cases: [string, () => Record<string, string>, number][] = [
    ['neither field', () => ({}), 403],
    ['same-origin', () => ({ 'sec-fetch-site': 'same-origin' }), 200],
    ['same-origin with our Origin', () => ({ 'sec-fetch-site': 'same-origin', origin: own() }), 200],
    ['our Origin alone', () => ({ origin: own() }), 200],
    ['same-site: another port of this host', () => ({ 'sec-fetch-site': 'same-site', origin: own() }), 403],
    ['cross-site', () => ({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }), 403],
    ['none: typed by a person', () => ({ 'sec-fetch-site': 'none' }), 403],
    ['an unknown word', () => ({ 'sec-fetch-site': 'same-origin, cross-site' }), 403],
    ['a foreign Origin', () => ({ origin: 'https://evil.example' }), 403],
    ['the Origin of another port', () => ({ origin: 'http://127.0.0.1:1' }), 403],
    ['Origin: null, of a sandboxed frame', () => ({ origin: 'null' }), 403],
    ['a malformed Origin', () => ({ origin: '127.0.0.1' }), 403],
    ['an Origin with our name in front', () => ({ origin: `${own()}.evil.example` }), 403],
    ['an origin that CORS lets in', () => ({ origin: friend }), 403],
  ]

  // Seen failing with `checkSameOrigin` taken out, and with `same-site` allowed.
  it.each(cases)('a write with a cookie must come from our own page: %s', async (_name, headers, status) => {
    const init = post(
      { toolId: 'hello', projectId: 'here' },
      { cookie: await rig.cookie('olga'), ...headers() },
    )
    expect((await fetch(`${rig.url}/api/execute`, init)).status).toBe(status)
  })

  it('a write with a bearer token needs no origin: no browser sends it by itself', async () => {
    const init = post(
      { toolId: 'hello', projectId: 'here' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    )
    expect((await rig.as(rig.owner, '/api/execute', init)).status).toBe(200)
  })

  it('a form of a foreign page cannot pass for JSON', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const init = post({ toolId: 'hello', projectId: 'here' }, { 'content-type': type })
      expect((await rig.as(rig.owner, '/api/execute', init)).status).toBeGreaterThanOrEqual(400)
    }
  })
})

describe('other origins', () => {
  const allowOf = (response: Response) => [
    response.headers.get('access-control-allow-origin'),
    response.headers.get('access-control-allow-credentials'),
  ]

  // Seen failing with `origin: true` (reflected) and with `origin: '*'`.
  it.each([
    'https://evil.example',
    'null',
    'http://app.example.org',
    `${friend}.evil.example`,
    `${friend}:444`,
    '*',
  ])('the origin %s reads nothing', async (origin) => {
    for (const path of ['/healthz', '/api/runs', '/runs', '/nothing']) {
      expect(allowOf(await rig.as(rig.owner, path, { headers: { origin } }))).toEqual([null, null])
    }
  })

  it('configured origins read every answer, errors too, but never with cookies', async () => {
    for (const path of ['/healthz', '/api/runs', '/nothing', '/api/runs/none']) {
      const response = await rig.as(rig.owner, path, { headers: { origin: friend } })
      expect(allowOf(response)).toEqual([friend, null])
      expect(response.headers.get('vary')).toMatch(/\borigin\b/i)
    }
    expect(allowOf(await fetch(`${rig.url}/api/runs`, { headers: { origin: friend } }))).toEqual([
      friend,
      null,
    ])
  })

  it('configured origins see the cursor headers of a stream, even at its end', async () => {
    const id = await rig.job(rig.owner)
    const stream = await rig.as(rig.owner, `/api/stream/${id}`, { headers: { origin: friend } })
    const last = [...(await stream.text()).matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? ''
    const over = await rig.as(rig.owner, `/api/stream/${id}`, {
      headers: { origin: friend, 'last-event-id': last },
    })
    expect([stream.status, over.status]).toEqual([200, 204])
    for (const response of [stream, over]) {
      expect(allowOf(response)).toEqual([friend, null])
      const exposed = (response.headers.get('access-control-expose-headers') ?? '').split(/,\s*/)
      expect(exposed).toEqual(expect.arrayContaining(['Millrace-Epoch', 'Millrace-Head']))
      expect(response.headers.get('millrace-epoch')).not.toBeNull()
      expect(response.headers.get('millrace-head')).not.toBeNull()
    }
  })

  it('configured origins may preflight a token, a body, a cursor', async () => {
    const asked = 'authorization, content-type, last-event-id, idempotency-key, millrace-epoch'
    const response = await fetch(`${rig.url}/api/runs`, {
      method: 'OPTIONS',
      headers: {
        origin: friend,
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      },
    })
    expect(response.status).toBe(204)
    expect(allowOf(response)).toEqual([friend, null])
    expect(response.headers.get('access-control-allow-headers')?.split(/,\s*/).sort()).toEqual(
      asked.split(', ').sort(),
    )
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
  })
})

describe('security headers', () => {
  const wanted = {
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  }

  const answers: [string, () => Promise<Response>][] = [
    ['the page', () => fetch(`${rig.url}/`)],
    ['the documents', () => fetch(`${rig.url}/docs`)],
    ['JSON', () => rig.as(rig.owner, '/api/runs')],
    ['401', () => fetch(`${rig.url}/api/runs`)],
    ['401 of a login', () => fetch(`${rig.url}/login?code=none`)],
    ['403', () => rig.as(rig.owner, '/metrics')],
    ['404', () => fetch(`${rig.url}/nothing`)],
    ['404 of a run', () => rig.as(rig.owner, '/api/stream/none')],
    ['400', () => rig.as(rig.owner, '/api/runs?limit=x')],
    [
      '415',
      () => rig.as(rig.owner, '/api/runs', { method: 'POST', body: 'x', headers: { 'content-type': 'a/b' } }),
    ],
    ['421', () => withHost('evil.example')],
    ['an address that cannot be read', () => fetch(`${rig.url}/%zz`)],
    ['an id that is too long', () => rig.as(rig.owner, `/api/runs/${'x'.repeat(300)}`)],
    ['a stream', async () => rig.as(rig.owner, `/api/stream/${await rig.job(rig.owner)}`)],
    ['the stream of the probe', () => rig.as(rig.owner, '/api/probe/stream')],
  ]

  // Seen failing with the headers taken out; 421, the probe and unreadable addresses failed before they were mended.
  it.each(answers)('the security headers are on %s', async (_name, ask) => {
    const response = await ask()
    await response.body?.cancel()
    expect(Object.fromEntries(response.headers)).toMatchObject(wanted)
    expect(response.headers.get('x-powered-by')).toBeNull()
    expect(response.headers.get('server')).toBeNull()
  })

  // Failed before: after a log-out the browser's own copy could still be viewed.
  it('no cache keeps an answer to a caller, errors included', async () => {
    const id = await rig.job(rig.owner)
    for (const path of [
      '/api/runs',
      `/api/runs/${id}`,
      '/api/server',
      '/metrics',
      '/api/runs/none',
      '/api/stream/none',
    ]) {
      for (const token of [rig.owner, rig.admin, 'none']) {
        expect([path, (await rig.as(token, path)).headers.get('cache-control')]).toEqual([path, 'no-store'])
      }
    }
    const page = await rig.as(rig.owner, `/api/runs/${id}/events`, {
      headers: { accept: 'application/json' },
    })
    expect(page.headers.get('cache-control')).toBe('no-store')
    for (const path of [`/api/stream/${id}`, `/api/runs/${id}/events`, '/api/probe/stream']) {
      const stream = await rig.as(rig.owner, path)
      await stream.body?.cancel()
      expect(stream.headers.get('cache-control')).toBe('no-cache, no-transform')
    }
  })

  it('the security headers are on answers to malformed requests too', async () => {
    const answer = await exchange(rig.port, 'NONSENSE\r\n\r\n')
    expect(answer.status).toBe(400)
    expect(answer.header('x-content-type-options')).toBe('nosniff')
    expect(answer.header('content-security-policy')).toContain("default-src 'none'")
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_request', status: 400 })
  })

  /** fetch does not let callers choose the Host. */
  function withHost(host: string): Promise<Response> {
    return new Promise((resolve, reject) => {
      request(`${rig.url}/healthz`, { headers: { host }, agent: false }, (response) => {
        response.resume()
        resolve(new Response(null, { headers: response.headers as Record<string, string> }))
      })
        .on('error', reject)
        .end()
    })
  }
})
