import fastifyCompress from '@fastify/compress'
import fastifyCookie from '@fastify/cookie'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import type { Millrace } from '#index'
import { job, millraceIn, post, userOf } from './host.ts'

const ada = { 'x-user': 'ada' }

async function host(millrace: Millrace, prepare: (app: FastifyInstance) => unknown = () => {}) {
  const app = Fastify({ bodyLimit: 100 })
  onTestFinished(() => app.close())
  app.get('/shop', () => 'open')
  await prepare(app)
  app.register(millrace.fastify, { prefix: '/millrace' })
  return app.listen({ port: 0, host: '127.0.0.1' })
}

test('under a prefix a run is started, with the prefix in Location, and followed to its end', async () => {
  const millrace = millraceIn({ principal: userOf })
  await millrace.start()
  const url = await host(millrace)
  const started = await fetch(`${url}/millrace/api/runs`, post(job('hello'), ada))
  expect(started.status).toBe(201)
  const location = started.headers.get('location')
  expect(location).toMatch(/^\/millrace\/api\/runs\//)
  const text = await (await fetch(`${url}${location}/events`, { headers: ada })).text()
  expect(text).toContain('"line":"world"')
  expect(text).toContain('event: complete')
})

test('the host keeps its own routes, errors and limits, and we keep ours', async () => {
  const millrace = millraceIn({ principal: userOf })
  await millrace.start()
  const url = await host(millrace, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.code(500).send('of the host'))
    app.get('/broken', () => {
      throw new Error('broken')
    })
    app.decorateRequest('identity' as never, 'the host’s own' as never)
    app.get('/who', (request) => request.identity)
  })
  expect(await (await fetch(`${url}/shop`)).text()).toBe('open')
  expect(await (await fetch(`${url}/broken`)).text()).toBe('of the host')
  expect(await (await fetch(`${url}/who`)).text()).toBe('the host’s own')
  expect((await fetch(`${url}/millrace/nothing`)).status).toBe(404)
  const long = { ...job('hello'), args: { missing: 'x'.repeat(200) } }
  const refused = await fetch(`${url}/millrace/api/runs`, post(long, ada))
  expect(await refused.json()).toMatchObject({ status: 400, code: 'invalid_request' })
})

test('a hook of the host may set the user on the raw request', async () => {
  const millrace = millraceIn({
    principal: (request) => (request as { user?: { user: string; admin: boolean } }).user ?? null,
  })
  await millrace.start()
  const url = await host(millrace, (app) =>
    app.addHook('onRequest', async (request) => {
      Object.assign(request.raw, { user: userOf(request) })
    }),
  )
  expect((await fetch(`${url}/millrace/api/runs`)).status).toBe(401)
  const started = await fetch(`${url}/millrace/api/runs`, post(job('hello'), ada))
  expect(await started.json()).toMatchObject({ run: { owner: 'ada' } })
})

test('two Millraces share one host and know nothing of each other', async () => {
  const [one, two] = [millraceIn({ principal: userOf }), millraceIn({ principal: userOf })]
  await Promise.all([one.start(), two.start()])
  const app = Fastify()
  onTestFinished(() => app.close())
  app.register(one.fastify, { prefix: '/one' })
  app.register(two.fastify, { prefix: '/two' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const started = await fetch(`${url}/one/api/runs`, post(job('hello'), ada))
  const { run } = (await started.json()) as { run: { id: string } }
  expect((await fetch(`${url}/one/api/runs/${run.id}`, { headers: ada })).status).toBe(200)
  expect((await fetch(`${url}/two/api/runs/${run.id}`, { headers: ada })).status).toBe(404)
})

test('a host may use the same plugins as we do', async () => {
  const millrace = millraceIn({ principal: userOf })
  await millrace.start()
  const url = await host(millrace, async (app) => {
    await app.register(fastifyCookie)
    await app.register(fastifyHelmet)
    await app.register(fastifyRateLimit, { max: 1000 })
    await app.register(fastifyCompress, { threshold: 0 })
  })
  const started = await fetch(`${url}/millrace/api/runs`, post(job('hello'), ada))
  expect(started.headers.get('x-frame-options')).not.toBe(null)
  const stream = await fetch(`${url}${started.headers.get('location')}/events`, { headers: ada })
  expect(stream.headers.get('content-encoding')).toBe(null)
  expect(await stream.text()).toContain('event: complete')
})

test('a plugin registered before the start fails, and says what is missing', async () => {
  const app = Fastify()
  app.register(millraceIn().fastify)
  await expect(app.ready()).rejects.toThrow('start()')
})

test('after the stop the routes of the plugin answer 503', async () => {
  const millrace = millraceIn({ principal: userOf })
  await millrace.start()
  const url = await host(millrace)
  await millrace.stop()
  expect((await fetch(`${url}/millrace/readyz`)).status).toBe(503)
  expect((await fetch(`${url}/millrace/api/runs`, { headers: ada })).status).toBe(503)
})
