import { get } from 'node:http'
import type { Register } from '@millrace/test-support/folders'
import compression from 'compression'
import express from 'express'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { job, listen, millraceIn, post, userOf } from './host.ts'

const ada = { 'x-user': 'ada' }
const bob = { 'x-user': 'bob' }

interface Host {
  url: string
  base: string
}

/** A host application that answers 418 to requests that Millrace passes on. */
async function host(
  prepare: (app: express.Express) => void = () => {},
  path = '/millrace',
  register: Register = onTestFinished,
): Promise<Host> {
  const millrace = millraceIn({ principal: userOf }, { limits: { bodyBytes: 4096 } }, register)
  const app = express()
  prepare(app)
  app.use(path, millrace.express())
  app.use(express.json(), (request, response) => {
    response.status(418).json({ path: request.originalUrl, body: request.body ?? null })
  })
  await millrace.start()
  const { url } = await listen(app, register)
  return { url, base: url + (path === '/' ? '' : path) }
}

const parsers: [string, (app: express.Express) => void][] = [
  ['no parser', () => {}],
  ['express.json()', (app) => app.use(express.json())],
  ['express.text() of everything', (app) => app.use(express.text({ type: '*/*' }))],
  ['express.raw() of everything', (app) => app.use(express.raw({ type: '*/*' }))],
  ['express.json() and compression()', (app) => app.use(compression({ threshold: 0 }), express.json())],
]

describe.each(parsers)('behind %s', (_name, prepare) => {
  let at: Host
  const releases: Parameters<Register>[0][] = []
  beforeAll(async () => {
    at = await host(prepare, '/millrace', (release) => void releases.unshift(release))
  })
  afterAll(async () => {
    for (const release of releases) await release()
  })
  test('a run is started, with its mount path in Location, and followed to its end', async () => {
    const { url, base } = at
    const started = await fetch(`${base}/api/runs`, post(job('hello'), ada))
    expect(started.status).toBe(201)
    const { run } = (await started.json()) as { run: { id: string; owner: string } }
    expect(run.owner).toBe('ada')
    expect(started.headers.get('location')).toBe(`/millrace/api/runs/${run.id}`)
    const stream = await fetch(`${url}${started.headers.get('location')}/events`, { headers: ada })
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(stream.headers.get('content-encoding')).toBe(null)
    const text = await stream.text()
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual([1, 2, 3, 4, 5])
    expect(text).toContain('"line":"world"')
    expect(text).toMatch(/event: complete\ndata: .*"exitCode":0/)
  })

  test('an invalid request is refused field by field, as without a host', async () => {
    const { base } = at
    const answer = await fetch(`${base}/api/runs`, post({ kind: 'job', project: 'here' }, ada))
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.json()).toMatchObject({ code: 'invalid_request', errors: [{ path: 'tool' }] })
    const jobs = await fetch(`${base}/api/execute`, post({ toolId: '' }, ada))
    expect(jobs.status).toBe(400)
    expect(await jobs.json()).toHaveProperty('error.message')
  })

  test('a request that no face answers goes to the next middleware with its body', async () => {
    const { base } = at
    const answer = await fetch(`${base}/api/elsewhere`, post({ a: 1 }, ada))
    expect(answer.status).toBe(418)
    expect(await answer.json()).toMatchObject({ path: '/millrace/api/elsewhere' })
    const wrongMethod = await fetch(`${base}/api/runs`, { method: 'DELETE', headers: ada })
    expect(wrongMethod.status).toBe(418)
  })

  test('a POST without a body is accepted as one', async () => {
    const { base } = at
    const started = await fetch(`${base}/api/runs`, post(job('wait'), ada))
    const { run } = (await started.json()) as { run: { id: string } }
    const aborted = await fetch(`${base}/api/runs/${run.id}/abort`, { method: 'POST', headers: ada })
    expect(aborted.status).toBe(200)
    expect(await aborted.json()).toMatchObject({ run: { state: 'aborted' } })
  })
})

test('a body of an unknown type, or an address that cannot be decoded, is left to the next middleware', async () => {
  const { base } = await host()
  const xml = { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' }
  expect((await fetch(`${base}/rpc`, xml)).status).toBe(418)
  // Express itself refuses to decode it in a route's parameter, but this one has none.
  expect((await fetch(`${base}/api/runs/%zz`, { headers: ada })).status).toBe(418)
})

test('a body that an earlier middleware discarded is refused, and does not hang', async () => {
  const { base } = await host((app) =>
    app.use((request, _response, next) => {
      request.resume().once('end', next)
    }),
  )
  expect((await fetch(`${base}/api/runs`, post(job('hello'), ada))).status).toBe(400)
})

test('a gzip body that express.json() has decompressed is accepted', async () => {
  const { base } = await host((app) => app.use(express.json()))
  const { gzipSync } = await import('node:zlib')
  const answer = await fetch(`${base}/api/runs`, {
    method: 'POST',
    headers: { ...ada, 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: gzipSync(JSON.stringify(job('hello'))),
  })
  expect(answer.status).toBe(201)
})

test.each([
  ['no parser', () => {}],
  ['express.json()', (app: express.Express) => app.use(express.json())],
])('a body over limits.bodyBytes is refused behind %s', async (_name, prepare) => {
  const { base } = await host(prepare)
  const answer = await fetch(
    `${base}/api/runs`,
    post({ ...job('hello'), args: { a: 'x'.repeat(5000) } }, ada),
  )
  expect(answer.status).toBe(413)
  expect(await answer.json()).toMatchObject({ code: 'payload_too_large' })
})

test('mounted at the root, Location has no prefix, and other routes of the host are reached', async () => {
  const { url } = await host(undefined, '/')
  const started = await fetch(`${url}/api/runs`, post(job('hello'), ada))
  expect(started.headers.get('location')).toMatch(/^\/api\/runs\/[0-9a-f-]{36}$/)
  expect((await fetch(`${url}/shop`)).status).toBe(418)
})

test('a caller unknown to the host is refused, and another user’s run does not exist', async () => {
  const { base } = await host()
  expect((await fetch(`${base}/api/runs`)).status).toBe(401)
  const started = await fetch(`${base}/api/runs`, post(job('wait'), ada))
  const { run } = (await started.json()) as { run: { id: string } }
  const nowhere = '00000000-0000-4000-8000-000000000000'
  for (const path of ['', '/events', '/abort', '/retry']) {
    const method = path === '/abort' || path === '/retry' ? 'POST' : 'GET'
    const answers = await Promise.all(
      [run.id, nowhere].map(async (id) => {
        const answer = await fetch(`${base}/api/runs/${id}${path}`, { method, headers: bob })
        return { status: answer.status, text: (await answer.text()).replaceAll(id, '…') }
      }),
    )
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.status).toBe(404)
  }
  expect((await fetch(`${base}/api/stream/${run.id}`, { headers: bob })).status).toBe(404)
  expect(await (await fetch(`${base}/api/runs`, { headers: bob })).json()).toMatchObject({ runs: [] })
})

test('a principal without a name is an error, not a view of everyone’s runs', async () => {
  const millrace = millraceIn({ principal: () => ({ user: undefined as unknown as string, admin: false }) })
  await millrace.start()
  await millrace.runs.start(job('hello'))
  const { url } = await listen(express().use(millrace.express()))
  const answer = await fetch(`${url}/api/runs`)
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('"runs"')
})

test('a principal may be a bare name, which is no admin', async () => {
  const millrace = millraceIn({ principal: () => 'bob' })
  await millrace.start()
  const others = await millrace.runs.start(job('hello'), 'alice')
  const own = await millrace.runs.start(job('hello'), { user: 'bob' })
  const { url } = await listen(express().use(millrace.express()))
  expect((await fetch(`${url}/api/runs/${own.id}`)).status).toBe(200)
  expect((await fetch(`${url}/api/runs/${others.id}`)).status).toBe(404)
})

test('two middlewares of one Millrace, made before the start, both answer', async () => {
  const millrace = millraceIn({ principal: userOf })
  const app = express().use('/a', millrace.express()).use('/b', millrace.express())
  const { url } = await listen(app)
  await millrace.start()
  for (const path of ['/a', '/b']) {
    const started = await fetch(`${url}${path}/api/runs`, post(job('hello'), ada))
    expect(started.headers.get('location')).toContain(`${path}/api/runs/`)
  }
})

test('without the principal option the faces require a token of their own', async () => {
  const millrace = millraceIn()
  await millrace.start()
  const { url } = await listen(express().use('/millrace', millrace.express()))
  expect((await fetch(`${url}/millrace/api/runs`)).status).toBe(401)
  expect((await fetch(`${url}/millrace/healthz`)).status).toBe(200)
})

test('a stream is sent event by event even when compression() wraps the response', async () => {
  const { base } = await host((app) => app.use(compression({ threshold: 0 })))
  const started = await fetch(`${base}/api/runs`, post(job('wait'), ada))
  const { run } = (await started.json()) as { run: { id: string } }
  // The run does not end: everything that arrives was flushed.
  const seen = await new Promise<string>((resolve, reject) => {
    const headers = { ...ada, 'accept-encoding': 'gzip' }
    const request = get(`${base}/api/runs/${run.id}/events`, { headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (text.includes('waiting')) resolve(text)
      })
    })
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
  expect(seen).toContain('event: run:queued')
})
