import { PassThrough } from 'node:stream'
import fastifyCookie from '@fastify/cookie'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { newSecret } from '#auth/secrets'
import { createLog } from '#telemetry/log'
import { logRequests, logStream } from '#telemetry/request-log'

/** A log into memory; `isTTY` chooses the lines for people. */
function rig(isTTY = false, level = 'trace') {
  const stream = Object.assign(new PassThrough(), { isTTY })
  const log = createLog(level, stream as unknown as NodeJS.WriteStream)
  return { log, text: () => String(stream.read() ?? '') }
}

const canary = 'CANARY-3f9a'
const headers = {
  authorization: `Bearer ${canary}`,
  cookie: `millrace_4000=${canary}`,
  'set-cookie': [`millrace_4000=${canary}; HttpOnly`],
  'proxy-authorization': `Basic ${canary}`,
  'x-api-key': canary,
}

describe.each([
  ['for machines', false],
  ['for people', true],
])('a log %s', (_whom, isTTY) => {
  it('the log holds no credential of a request, however the request is logged', () => {
    const { log, text } = rig(isTTY)
    const req = { method: 'GET', url: `/login?code=${canary}`, headers }
    const response = { statusCode: 200, getHeaders: () => headers, headers }
    log.info({ req }, 'by itself')
    log.info({ req: { ...req, raw: req } }, 'wrapped')
    log.info({ res: response }, 'its answer')
    log.info({ headers }, 'its headers')
    log.info({ response: { headers } }, 'headers of something else')
    log.warn({ err: Object.assign(new Error('failed'), { headers, config: { headers } }) }, 'with an error')
    log.child({ req }).info('as a child')
    const written = text()
    expect(written).not.toContain(canary)
    for (const said of ['by itself', 'its answer', 'with an error', 'as a child', '/login']) {
      expect(written).toContain(said)
    }
  })

  it('the log holds no address with a code, ticket or token, whatever quotes it', () => {
    const { log, text } = rig(isTTY)
    const address = `/api/stream/x?after=7&ticket=${canary}&b=1`
    log.info(`Route GET:/login?code=${canary} not found`)
    log.error({ err: new Error(`bad address "${address}"`) }, `and in a message: ${address}`)
    log.info({ url: `http://127.0.0.1:4000/login?code=${canary}` }, 'a field')
    const written = text()
    expect(written).not.toContain(canary)
    expect(written).toContain('after=7')
    expect(written).toContain('b=1')
  })

  it.each(['mr_login', 'mr_cookie', 'mr_token', 'mr_ticket', 'mr_local'])(
    'the log holds no secret of ours: %s',
    (prefix) => {
      const { log, text } = rig(isTTY)
      const secret = newSecret(prefix)
      log.info({ anything: { deep: [secret] } }, `message with ${secret}`)
      log.error(new Error(`error with ${secret}`))
      const written = text()
      expect(written).not.toContain(secret.slice(prefix.length + 1))
      expect(written).toContain(`${prefix}_[removed]`)
    },
  )
})

it('log lines for machines are JSON, one object per line', () => {
  const { log, text } = rig()
  log.info({ run: 'r' }, 'with a\nline break')
  log.info(`/login?code="${canary}"`)
  const lines = text().trimEnd().split('\n')
  expect(lines).toHaveLength(2)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ run: 'r', msg: 'with a\nline break', level: 30 })
  expect(JSON.parse(lines[1] ?? '')).toHaveProperty('msg')
})

it('an error that carries the bytes of a request, as a parser’s does, is logged without them', () => {
  const { log, text } = rig()
  const rawPacket = Buffer.from(`GET / HTTP/1.1\r\nAuthorization: Bearer ${canary}\r\n\r\n`)
  const fields = { code: 'HPE_INVALID_HEADER_TOKEN', bytesParsed: 4, rawPacket }
  log.error({ err: Object.assign(new Error('Parse Error'), fields) }, 'client error')
  expect(JSON.parse(text()).err).toMatchObject({ code: 'HPE_INVALID_HEADER_TOKEN', message: 'Parse Error' })
  log.error(Object.assign(new Error('Parse Error'), fields))
  const written = text()
  expect(written).not.toContain(canary)
  expect(written).not.toContain([...Buffer.from(canary)].join(','))
})

it('lines below the level are not written', () => {
  const { log, text } = rig(false, 'warn')
  log.info('quiet')
  log.warn('loud')
  expect(text()).toContain('loud')
  expect(text()).not.toContain('quiet')
})

it('an HTTP server that logs all it can reveals no secret of a request', async () => {
  const { log, text } = rig()
  const app = Fastify({ loggerInstance: log as unknown as FastifyBaseLogger })
  onTestFinished(() => app.close())
  await app.register(fastifyCookie)
  app.get('/login', (_request, reply) => reply.setCookie('millrace_4000', canary).send('in'))
  app.get('/fail', (request) => {
    request.log.info({ req: request, res: request.raw }, 'about to fail')
    throw new Error('on purpose')
  })
  for (const path of ['/login', '/fail', '/nowhere', '/%zz']) {
    await app.inject({ url: `${path}?code=${canary}`, headers: { ...headers, 'set-cookie': 'x' } })
  }
  const written = text()
  expect(written).toContain('on purpose')
  expect(written).toContain('/login')
  expect(written).not.toContain(canary)
})

describe('a log on a terminal', () => {
  it('a run is one line at its start and one at its end, without what only machines need', () => {
    const { log, text } = rig(true, 'info')
    log.info({ run: 'r1', kind: 'job' }, 'run queued')
    log.info({ run: 'r1', kind: 'job', attempt: 1, queuedMs: 3 }, 'run started')
    log.info({ run: 'r1', outcome: 'success', events: 8, durationMs: 5 }, 'run ended')
    const lines = text().trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/run started.*\{"run":"r1","kind":"job"\}/)
    expect(lines[1]).toMatch(/run ended.*\{"run":"r1","outcome":"success","durationMs":5\}/)
  })

  it('a machine, or a person who looks for more, gets every line of a run', () => {
    for (const { log, text } of [rig(true, 'debug'), rig(false, 'info')]) {
      log.info({ run: 'r1' }, 'run queued')
      expect(text()).toContain('run queued')
    }
  })

  it('requests are logged at the level that the server is given', async () => {
    for (const level of ['info', 'debug'] as const) {
      const { log, text } = rig(false, 'info')
      const app = Fastify({ loggerInstance: log as unknown as FastifyBaseLogger })
      onTestFinished(() => app.close())
      logRequests(
        app,
        () => undefined,
        () => {},
        level,
      )
      app.get('/', (request) => {
        logStream(request, {}, () => ({}), { detached: false, closed: Promise.resolve() })
        return 'x'
      })
      await app.inject('/')
      const written = text()
      for (const line of ['stream opened', 'stream ended'])
        expect(written.includes(line)).toBe(level === 'info')
    }
  })
})
