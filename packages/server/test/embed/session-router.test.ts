/** The routes of sessions in an Express application, behind its own middleware. */
import { get } from 'node:http'
import { createGunzip } from 'node:zlib'
import compression from 'compression'
import express from 'express'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { agentSessionRouter } from '#index'
import {
  type Agent,
  completed,
  openSessionServer,
  type SessionServerOptions,
} from '#test/faces/support/session-server'
import { listen, millraceIn, post } from './host.ts'

const anna = { 'x-user': 'anna' }
const bert = { 'x-user': 'bert' }
const go = (headers = anna) => post({ prompt: 'Go', projectId: 'web' }, headers)

/** Identifies callers by a header, and refuses unknown ones in its own words. */
const requireAuth: express.RequestHandler = (request, response, next) => {
  const user = request.get('x-user')
  if (user === undefined) return void response.status(401).json({ own: 'log in first' })
  Object.assign(request, { user })
  next()
}

/** An application that answers 418 to requests that the router passes on. */
async function application(
  prepare: (app: express.Express) => void = () => {},
  { path = '/', ...options }: SessionServerOptions & { path?: string } = {},
) {
  const server = await openSessionServer({ embedded: true, ...options })
  const app = express()
  prepare(app)
  app.use(path, agentSessionRouter(server, { requireAuth }))
  app.use(express.json(), (request, response) => void response.status(418).json(request.body ?? null))
  const { url } = await listen(app)
  return { server, url: url + (path === '/' ? '' : path), root: url }
}

async function startedAt(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/agent/test`, go())
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { sessionId: string }).sessionId
}

describe('the router of sessions', () => {
  it.each([
    ['alone', () => {}],
    ['behind express.json()', (app: express.Express) => app.use(express.json())],
    [
      'behind compression() and express.json()',
      (app: express.Express) => app.use(compression({ threshold: 0 }), express.json()),
    ],
  ])(
    '%s: a session is started, followed and aborted for the user that requireAuth found',
    async (_name, prepare) => {
      const { url } = await application(prepare)
      const id = await startedAt(url)
      const stream = await fetch(`${url}/api/agent/test/stream/${id}`, { headers: anna })
      expect(stream.headers.get('content-type')).toBe('text/event-stream')
      const text = stream.text()
      for (const [path, method] of [
        ['stream', 'GET'],
        ['abort', 'POST'],
      ] as const) {
        const others = await fetch(`${url}/api/agent/test/${path}/${id}`, { method, headers: bert })
        expect([others.status, await others.json()]).toEqual([404, { success: false, error: `No run ${id}` }])
      }
      const aborted = await fetch(`${url}/api/agent/test/abort/${id}`, { method: 'POST', headers: anna })
      expect([aborted.status, await aborted.json()]).toEqual([200, { success: true }])
      expect(await text).toMatch(/event: aborted\ndata: .*\n\n$/)
    },
  )

  it('the router refuses in its documented shape, even behind a body parser', async () => {
    const { url } = await application((app) => app.use(express.json()))
    const answer = await fetch(`${url}/api/agent/test`, post({ projectId: 'web' }, anna))
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { success: false, error: expect.stringContaining('prompt') },
    ])
  })

  it('requireAuth answers refused callers before anything else reads the request', async () => {
    const { server, url } = await application()
    const id = await startedAt(url)
    for (const [path, init] of [
      ['', go({} as typeof anna)],
      [`/stream/${id}`, {}],
      [`/abort/${id}`, { method: 'POST' }],
    ] as const) {
      const answer = await fetch(`${url}/api/agent/test${path}`, init)
      expect([answer.status, await answer.json()]).toEqual([401, { own: 'log in first' }])
    }
    expect((await server.embedded.list({}, 'anna')).runs).toHaveLength(1)
  })

  it('an error of requireAuth is passed on, whether passed, thrown or rejected', async () => {
    const ways: express.RequestHandler[] = [
      (_request, _response, next) => next(new Error('refused')),
      () => {
        throw new Error('refused')
      },
      async () => {
        throw new Error('refused')
      },
    ]
    const server = await openSessionServer({ embedded: true })
    for (const way of ways) {
      const app = express().use(agentSessionRouter(server, { requireAuth: way }))
      app.use(
        (error: Error, _q: express.Request, response: express.Response, _n: express.NextFunction) =>
          void response.status(503).send(error.message),
      )
      const { url } = await listen(app)
      const answer = await fetch(`${url}/api/agent/test`, go())
      expect([answer.status, await answer.text()]).toEqual([503, 'refused'])
    }
  })

  it('the router has no other route, and calls requireAuth for none', async () => {
    const { url } = await application()
    for (const path of [
      '/api/runs',
      '/api/agent',
      '/api/agent/testing',
      '/api/agent/test/',
      '/api/agent/test/stream',
      '/api/agent/test/stream/a/b',
      '/healthz',
      '/metrics',
      '/API/agent/test',
    ]) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 418])
    }
    const put = await fetch(`${url}/api/agent/test`, { ...go(), method: 'PUT' })
    expect([put.status, await put.json()]).toEqual([418, { prompt: 'Go', projectId: 'web' }])
  })

  it('the router works below a path', async () => {
    const { url, root } = await application(undefined, { path: '/tools' })
    await startedAt(url)
    expect((await fetch(`${root}/api/agent/test`, go())).status).toBe(418)
  })

  it('the router sends each message through compression before the next one is produced', async () => {
    const gates = [1, 2, 3].map(() => Promise.withResolvers<void>())
    const agent: Agent = async ({ run, started, emit }) => {
      await started()
      for (const [index, gate] of gates.entries()) {
        await gate.promise
        await emit([{ type: 'stream_event', data: { type: 'stream_event', text: `word ${index}` } }])
      }
      return completed(run.id)
    }
    // Some applications compress everything, whatever it is.
    const eager = compression({ threshold: 0, filter: () => true })
    const { url } = await application((app) => app.use(eager), { agent })
    const id = await startedAt(url)
    const headers = { ...anna, 'accept-encoding': 'gzip' }
    let text = ''
    const arrived = (part: string) => expect.poll(() => text, { timeout: 60_000 }).toContain(part)
    const request = get(`${url}/api/agent/test/stream/${id}`, { headers }, (response) => {
      const plain = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
      plain.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
    })
    onTestFinished(() => void request.destroy())
    await arrived('run:started')
    for (const [index, gate] of gates.entries()) {
      expect(text).not.toContain(`word ${index}`)
      gate.resolve()
      await arrived(`word ${index}`)
    }
    await arrived('event: completed')
  })

  it('without a model, the router refuses a start with 503, and says what is missing', async () => {
    for (const name of ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL']) vi.stubEnv(name, '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const millrace = millraceIn({ principal: () => 'anna' })
    await millrace.start()
    const { url } = await listen(express().use(agentSessionRouter(millrace)))
    const answer = await fetch(`${url}/api/agent/test`, post({ prompt: 'Go', projectId: 'here' }))
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { success: false, error: expect.stringContaining('ANTHROPIC_API_KEY') },
    ])
  })
})
