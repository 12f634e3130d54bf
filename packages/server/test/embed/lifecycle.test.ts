import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@millrace/test-support/folders'
import express from 'express'
import { expect, onTestFinished, test } from 'vitest'
import { ConfigError, CursorReset, createMillrace, type Millrace } from '#index'
import { job, listen, millraceIn, post, silent, toolbox, userOf } from './host.ts'

const ada = { 'x-user': 'ada' }

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

async function eventsOf(millrace: Millrace, id: string) {
  return collect(millrace.runs.follow(id))
}

test('creating opens nothing, a start opens everything, and a stop releases it for the next start', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const config = toolbox(temporaryFolder())
  const one = createMillrace(config, { dataDir, log: silent })
  expect(existsSync(dataDir)).toBe(false)
  const signals = process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')
  await one.start()
  expect(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')).toBe(signals)
  const two = createMillrace(config, { dataDir, log: silent })
  await expect(two.start()).rejects.toThrow(`pid ${process.pid}`)
  await one.stop()
  await two.start()
  await two.stop()
  expect(readdirSync(dataDir)).toContain('millrace.db')
})

test('a repeated start or stop does nothing, and calls take effect in their order', async () => {
  const millrace = millraceIn()
  await Promise.all([millrace.start(), millrace.start()])
  const { id } = await millrace.runs.start(job('hello'))
  expect((await eventsOf(millrace, id)).at(-1)).toMatchObject({ type: 'complete' })
  await Promise.all([millrace.stop(), millrace.start(), millrace.stop(), millrace.stop()])
  await expect(millrace.runs.get(id)).rejects.toMatchObject({ code: 'draining' })
  await millrace.start()
  expect(await millrace.runs.get(id)).toMatchObject({ state: 'completed' })
})

test('a failed start can be repeated, and a stop after it is no error', async () => {
  const config = toolbox(temporaryFolder())
  const wrong = { ...config, concurency: {} }
  const millrace = createMillrace(wrong, { dataDir: temporaryFolder(), log: silent })
  onTestFinished(() => millrace.stop())
  await expect(millrace.start()).rejects.toBeInstanceOf(ConfigError)
  await millrace.stop()
  Reflect.deleteProperty(wrong, 'concurency')
  await millrace.start()
  expect(await millrace.runs.list()).toMatchObject({ runs: [] })
})

test('every problem of a configuration is reported at once', async () => {
  const millrace = createMillrace(
    { projects: { a: { path: '/nowhere' } }, limits: { streams: 0 } },
    { log: silent },
  )
  await expect(millrace.start()).rejects.toThrow(/limits\.streams[\s\S]*projects\.a/)
})

test('a stop interrupts active runs, followers see it, and so does the next start', async () => {
  const millrace = millraceIn()
  await millrace.start()
  const { id } = await millrace.runs.start(job('wait'))
  const followed = eventsOf(millrace, id)
  for await (const { type } of millrace.runs.follow(id)) if (type === 'output') break
  await millrace.stop()
  const events = await followed
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
  await millrace.start()
  expect(await eventsOf(millrace, id)).toEqual(events)
})

test('requests before the start are passed on as errors, those during it wait for it', async () => {
  const millrace = millraceIn({ principal: userOf })
  const app = express().use('/millrace', millrace.express())
  app.use(
    (
      error: { status?: number },
      _q: express.Request,
      response: express.Response,
      _n: express.NextFunction,
    ) => {
      response.status(error.status ?? 500).send('not yet')
    },
  )
  const { url } = await listen(app)
  const early = await fetch(`${url}/millrace/api/runs`, { headers: ada })
  expect([early.status, await early.text()]).toEqual([503, 'not yet'])
  const started = millrace.start()
  expect((await fetch(`${url}/millrace/api/runs`, { headers: ada })).status).toBe(200)
  await started
})

test('a stop ends each open stream with its terminal event, and clients that reconnect are not stopped for good', async () => {
  const millrace = millraceIn({ principal: userOf })
  await millrace.start()
  const { url } = await listen(express().use('/millrace', millrace.express()))
  const started = await fetch(`${url}/millrace/api/runs`, post(job('wait'), ada))
  const events = `${url}${started.headers.get('location')}/events`
  const streams = await Promise.all([1, 2, 3].map(() => fetch(events, { headers: ada })))
  const texts = streams.map((stream) => stream.text())
  await millrace.stop()
  for (const text of await Promise.all(texts)) {
    expect(text).toMatch(/event: error\ndata: .*"state":"interrupted"/)
  }
  // No status: any would stop an EventSource for good.
  await expect(fetch(events, { headers: ada })).rejects.toThrow('fetch failed')
  expect((await fetch(`${url}/millrace/readyz`)).status).toBe(503)
  expect((await fetch(`${url}/millrace/api/runs`, { headers: ada })).status).toBe(503)
  await millrace.start()
  expect(await (await fetch(events, { headers: ada })).text()).toContain('interrupted')
})

test('two Millraces in one process have a log, a queue and users of their own', async () => {
  const [one, two] = [millraceIn(), millraceIn()]
  await Promise.all([one.start(), two.start()])
  const { id } = await one.runs.start(job('hello'))
  await expect(two.runs.get(id)).rejects.toMatchObject({ code: 'not_found' })
  await two.stop()
  expect((await eventsOf(one, id)).at(-1)).toMatchObject({ type: 'complete' })
})

test("only its owner sees a principal's run, and a missing principal is an error", async () => {
  const millrace = millraceIn()
  await millrace.start()
  const anna = { user: 'anna', admin: false }
  const bert = { user: 'bert', admin: false }
  const { id, owner } = await millrace.runs.start(job('hello'), anna)
  expect(owner).toBe('anna')
  await expect(millrace.runs.get(id, bert)).rejects.toMatchObject({ code: 'not_found' })
  const theirs = millrace.runs.follow(id, { principal: bert })
  await expect(collect(theirs)).rejects.toMatchObject({ code: 'not_found' })
  expect((await millrace.runs.list({}, bert)).runs).toEqual([])
  expect((await millrace.runs.list({}, anna)).runs).toHaveLength(1)
  for (const nobody of [null, { user: '', admin: false }, { admin: false }]) {
    await expect(millrace.runs.list({}, nobody as never)).rejects.toThrow(TypeError)
  }
})

test('calls on runs are checked as over HTTP', async () => {
  const millrace = millraceIn()
  await millrace.start()
  for (const body of [
    null,
    {},
    { kind: 'job', project: 'here', tool: 'hello', args: null },
    { kind: 'poem' },
  ]) {
    await expect(millrace.runs.start(body as never)).rejects.toMatchObject({ code: 'invalid_request' })
  }
  const { id } = await millrace.runs.start(job('hello'))
  await eventsOf(millrace, id)
  await expect(collect(millrace.runs.follow(id, { after: 99 }))).rejects.toBeInstanceOf(CursorReset)
  expect(await collect(millrace.runs.follow(id, { after: 4 }))).toMatchObject([{ seq: 5 }])
})
