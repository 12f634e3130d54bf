/** A new face is one object: the guard, the rate limits, its refusals and the API's document follow from it. */
import { MillraceError } from '@millrace/protocol'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { Identity } from '#auth/identity'
import { ticketFace } from '#faces/native/tickets'
import { type Face, principalOf } from '#http/face'
import { PublicAddress } from '#http/public-address'
import { type RefusalShape, statusOf } from '#http/refusals'
import { routes } from '#http/routes'
import { RunStreams } from '#http/run-streams'
import { createHttpServer } from '#http/server'

/** Plain text, and a teapot for whatever does not exist. */
const teaRefusals: RefusalShape = {
  contentType: 'application/vnd.tea+json',
  status: (code) => (code === 'not_found' ? 418 : statusOf(code)),
  body: ({ code, message }) => ({ tea: code, because: message }),
  schema: (_status, codes) => ({
    type: 'object',
    properties: { tea: { type: 'string', enum: codes }, because: { type: 'string' } },
  }),
}

const teaFace = (brewed: string[]): Face => ({
  refusals: teaRefusals,
  routes(app) {
    app.get(
      '/tea/:cup',
      { schema: { summary: 'One cup', params: z.object({ cup: z.string() }) } },
      async (request) => {
        if (request.params.cup !== 'full') throw new MillraceError('not_found', 'No such cup')
        return { cup: principalOf(request).user }
      },
    )
    app.post(
      '/tea',
      { config: { starts: true }, schema: { summary: 'Brew', body: z.object({ leaf: z.string() }) } },
      async ({ body }) => {
        brewed.push(body.leaf)
        return { leaf: body.leaf }
      },
    )
    app.get(
      '/tea/:cup/steam',
      { config: { stream: true }, schema: { summary: 'Steam', produces: ['text/event-stream'] } },
      async () => 'steam',
    )
  },
})

const identity: Identity = {
  principal: { user: 'ana', admin: false },
  credential: null,
  parent: null,
  expiresAt: null,
}

async function openServer() {
  const brewed: string[] = []
  const rejected: string[] = []
  const runStreams = new RunStreams()
  let draining = false
  const address = new PublicAddress()
  const tickets = ticketFace({
    auth: { createTicket: async (_identity, path) => ({ ticket: path, expiresAt: 0 }) },
    runs: { get: async (id) => ({ id }) as never },
    runStreams,
    address,
  })
  const app = await createHttpServer({
    routes: routes({
      faces: [teaFace(brewed), tickets],
      guard: {
        auth: {
          bearer: async (token) => (token === 'ana' ? identity : null),
          cookie: async () => null,
          ticket: async () => null,
        },
        address,
        hostPrincipal: null,
      },
      hosts: [],
      limits: { startsPerMinute: 1, loginsPerMinute: 1 },
      runStreams,
      draining: () => draining,
      endsPipelined: () => false,
      onRejected: (code) => rejected.push(code),
    }),
    hosts: [],
    trustProxy: false,
    origins: [],
    bodyBytesMax: 1000,
    version: '0.0.0',
    address,
    log: pino({ level: 'silent' }),
    onRejected: (code) => rejected.push(code),
    onAnswered: () => {},
  })
  onTestFinished(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const call = (path: string, init: RequestInit = {}, token = 'ana') =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
  const brew = (body: unknown) =>
    call('/tea', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const drain = () => {
    draining = true
  }
  return { url, call, brew, brewed, rejected, drain }
}

test('a new face answers its callers, and refuses in its own shape and with its own statuses', async () => {
  const { call, brew, rejected } = await openServer()
  expect(await (await call('/tea/full')).json()).toEqual({ cup: 'ana' })
  const missing = await call('/tea/none')
  expect([missing.status, missing.headers.get('content-type')]).toEqual([
    418,
    'application/vnd.tea+json; charset=utf-8',
  ])
  expect(await missing.json()).toEqual({ tea: 'not_found', because: 'No such cup' })
  const bad = await brew({})
  expect([bad.status, (await bad.json()) as object]).toEqual([
    400,
    expect.objectContaining({ tea: 'invalid_request' }),
  ])
  expect(rejected).toEqual(['not_found', 'invalid_request'])
})

test('a new face is closed to callers without a valid credential', async () => {
  const { call, url } = await openServer()
  const refused = [await fetch(`${url}/tea/full`), await call('/tea/full', {}, 'eve')]
  for (const response of refused) {
    expect([response.status, (await response.json()) as object]).toEqual([
      401,
      expect.objectContaining({ tea: 'unauthenticated' }),
    ])
  }
})

test('starts on a new face are counted by the limit of starts; invalid ones are not', async () => {
  const { brew, brewed } = await openServer()
  expect((await brew({})).status).toBe(400)
  expect((await brew({ leaf: 'oolong' })).status).toBe(200)
  const late = await brew({ leaf: 'assam' })
  expect([late.status, ((await late.json()) as { tea: string }).tea]).toEqual([429, 'rate_limited'])
  expect(brewed).toEqual(['oolong'])
})

test('a ticket opens the streams of runs of a new face, and none of its other paths', async () => {
  const { call } = await openServer()
  const ticketFor = async (path: string) => {
    const body = JSON.stringify({ path })
    const headers = { 'content-type': 'application/json' }
    return (await call('/api/tickets', { method: 'POST', headers, body })).status
  }
  expect(await ticketFor('/tea/full/steam')).toBe(201)
  expect(await ticketFor('/tea/full/steam?after=3')).toBe(201)
  for (const path of ['/tea/full', '/tea//steam', '/tea/full/steam/more', '/api/tickets']) {
    expect([path, await ticketFor(path)]).toEqual([path, 400])
  }
})

test('a stream of a new face is closed without an answer while the server drains', async () => {
  const { call, drain } = await openServer()
  expect(await (await call('/tea/full/steam')).text()).toBe('steam')
  drain()
  await expect(call('/tea/full/steam')).rejects.toThrow('fetch failed')
  expect((await call('/tea/full')).status).toBe(200)
})

test('the refusals of a new face are documented with their statuses, type and codes', async () => {
  const paths = await documentOf((await openServer()).url)
  const answers = paths['/tea/{cup}']?.get?.responses ?? {}
  expect(Object.keys(answers)).toEqual(expect.arrayContaining(['200', '401', '418']))
  expect(Object.keys(answers)).not.toContain('404')
  expect(JSON.stringify(answers['418']?.content?.['application/vnd.tea+json'])).toContain('not_found')
  expect(JSON.stringify(paths['/tea']?.post?.responses['429'])).toContain('rate_limited')
})

test('a stream of a new face is documented as resumable, and open to tickets', async () => {
  const paths = await documentOf((await openServer()).url)
  expect(paths['/tea/{cup}/steam']?.get?.security).toEqual([{ bearer: [] }, { ticket: [] }])
})

interface Operation {
  security?: unknown
  responses: Record<string, { content?: Record<string, unknown> }>
}

async function documentOf(url: string): Promise<Record<string, Record<string, Operation>>> {
  const document = await (await fetch(`${url}/openapi.json`)).json()
  return (document as { paths: Record<string, Record<string, Operation>> }).paths
}
