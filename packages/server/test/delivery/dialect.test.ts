/** A throwaway face with a dialect of its own, behind the real routes and guard, beside a native one. */
import type { Run } from '@millrace/protocol'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { Identity } from '#auth/identity'
import { Delivery } from '#delivery/delivery'
import { type Dialect, nativeDialect } from '#delivery/dialect'
import { createStreamRun, type Streamed, type StreamRun } from '#faces/streaming'
import type { Face } from '#http/face'
import { PublicAddress } from '#http/public-address'
import { routes } from '#http/routes'
import { RunStreams } from '#http/run-streams'
import { createHttpServer } from '#http/server'
import { localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'
import { expectNothingLeft } from './support/leftovers.ts'
import { MemoryLog } from './support/memory-log.ts'
import { open, type SseClient } from './support/sse-client.ts'
import { toyDialect } from './support/toy-dialect.ts'

expectNothingLeft()

const run = { id: 'run', state: 'running' } as Run
const heartbeat = { intervalMs: 15_000, text: 'alive' }

const streamFace = (
  streamRun: StreamRun,
  streamed: () => Streamed,
  path: string,
  dialect?: Dialect,
): Face => ({
  routes(app) {
    app.get(
      path,
      { config: { stream: true }, schema: { summary: 'A stream', querystring: z.looseObject({}) } },
      async (request, reply) => streamRun(request, reply, streamed(), heartbeat, dialect),
    )
  },
})

const ann: Identity = {
  principal: { user: 'ann', admin: false },
  credential: null,
  parent: null,
  expiresAt: null,
}

/** `/toy` and `/native` stream one run of one log. */
async function serve(
  dialect: Dialect = toyDialect,
  limits: { ringBytes?: number; batchBytes?: number } = {},
) {
  const log = new MemoryLog()
  log.create('run')
  const clock = new ManualClock()
  const delivery = new Delivery({ store: log, wakeups: new Wakeups([localWakeups(log)]), clock, ...limits })
  const streams = { reserve: () => ({ attach: () => {}, release: () => {}, handOver: () => {} }) }
  const streamRun = createStreamRun({ delivery, streams, compress: false })
  const bounds = async () => (await log.bounds('run')) ?? Promise.reject(new Error('the run is gone'))
  const streamed = () => ({ id: 'run', find: async () => ({ run, bounds: await bounds() }) })
  const address = new PublicAddress()
  const app = await createHttpServer({
    routes: routes({
      faces: [streamFace(streamRun, streamed, '/toy', dialect), streamFace(streamRun, streamed, '/native')],
      guard: {
        auth: {
          bearer: async () => ann,
          cookie: async () => null,
          ticket: async () => null,
        },
        address,
        hostPrincipal: null,
      },
      hosts: [],
      limits: { startsPerMinute: 1, loginsPerMinute: 1 },
      runStreams: new RunStreams(),
      draining: () => false,
      endsPipelined: () => false,
      onRejected: () => {},
    }),
    hosts: [],
    trustProxy: false,
    origins: [],
    bodyBytesMax: 1000,
    version: '0.0.0',
    address,
    log: pino({ level: 'silent' }),
    onRejected: () => {},
    onAnswered: () => {},
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    delivery.close()
    await app.close()
  })
  const follow = (path: string, lastId?: string, method = 'GET'): Promise<SseClient> =>
    open(url + path, {
      method,
      headers: { authorization: 'Bearer ann', ...(lastId !== undefined && { 'last-event-id': lastId }) },
    })
  return { log, clock, delivery, follow }
}

const kinds = ['output', 'note', 'note', 'output', 'step']
function append(log: MemoryLog, count: number): void {
  const { length } = log.events('run')
  log.append(
    'run',
    Array.from({ length: count }, (_, at) => ({
      type: kinds[(length + at) % 5] ?? '',
      data: { at, text: 'ü' },
    })),
  )
}
const shown = (log: MemoryLog, dialect: Dialect, after = 0) =>
  log
    .events('run')
    .filter(({ seq }) => seq > after)
    .map((event) => dialect.frames(event, event.type === 'complete'))
    .join('')

test('followers of a dialect receive the same bytes, early or late, and native followers of the run receive theirs', async () => {
  const { log, delivery, follow } = await serve(toyDialect, { ringBytes: 3000, batchBytes: 200 })
  append(log, 40)
  const early = await Promise.all(['/toy', '/native', '/toy', '/native'].map((path) => follow(path)))
  for (let n = 0; n < 30; n++) {
    append(log, (n % 4) + 1)
    if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const late = await Promise.all(['/toy', '/native'].map((path) => follow(path)))
  expect(delivery.stats().feeds).toBe(2)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  const texts = await Promise.all([...early, ...late].map(async (client) => (await client.end()).text))
  for (const [at, text] of texts.entries()) {
    expect(text).toBe(shown(log, at % 2 === 0 ? toyDialect : nativeDialect))
  }
  expect(texts[0]).toMatch(/data: \[DONE\]\n\n$/)
  expect(early[0]?.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  expect(early[1]?.headers['content-type']).toBe('text/event-stream')
  expect(delivery.stats().feeds).toBe(0)
})

test('a client of a dialect that was cut off anywhere resumes by Last-Event-ID and misses nothing', async () => {
  const { log, follow } = await serve()
  append(log, 20)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  const whole = (await (await follow('/toy')).end()).text
  const frames = whole.split(/(?<=\n\n)/)
  expect(frames.length).toBeGreaterThan(20)
  for (let seen = 0; seen < frames.length; seen++) {
    const before = frames.slice(0, seen).join('')
    const lastId = [...before.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1] ?? '0'
    const { text } = await (await follow('/toy', lastId)).end()
    expect(text).toBe(shown(log, toyDialect, Number(lastId)))
    // The frames up to its last id, and those it receives now, are the whole log.
    expect(whole.endsWith(text)).toBe(true)
    expect(whole.slice(0, whole.length - text.length).length).toBeLessThanOrEqual(before.length)
  }
})

test('a live event is encoded once per dialect, however many follow, and causes no read', async () => {
  let encoded = 0
  const counting: Dialect = {
    ...toyDialect,
    frames: (event, terminal) => {
      encoded += 1
      return toyDialect.frames(event, terminal)
    },
  }
  const { log, delivery, follow } = await serve(counting)
  const clients = await Promise.all(Array.from({ length: 20 }, () => follow('/toy')))
  await until(() => delivery.stats().followers === 20)
  for (let n = 0; n < 25; n++) append(log, 1)
  await Promise.all(clients.map((client) => client.until(({ text }) => text === shown(log, toyDialect))))
  expect([encoded, log.pagesRead, delivery.stats().feeds]).toEqual([25, 0, 1])
})

test('events that a dialect does not show write nothing, keep the stream open, and leave no follower behind', async () => {
  const { log, delivery, follow } = await serve()
  const clients = [await follow('/toy'), await follow('/native')]
  for (let n = 0; n < 3; n++) log.append('run', [{ type: 'note', data: n }])
  await clients[1]?.until(({ ids }) => ids.length === 3)
  await until(() => delivery.stats().behind === 0)
  // The same from a page, for a client that replays.
  clients.push(await follow('/toy'))
  await until(() => delivery.stats().followers === 3 && delivery.stats().behind === 0)
  expect([clients[0]?.text, clients[2]?.text]).toEqual(['', ''])
  log.append('run', [{ type: 'output', data: 'x' }])
  for (const client of [clients[0], clients[2]]) {
    await client?.until(({ text }) => text === 'data: {"begin":"output"}\n\nid: 4\ndata: "x"\n\n')
  }
  // Four to the native client, one to each of the others.
  expect(delivery.stats().eventsOut).toBe(6)
})

test('heartbeats and resets are written in the dialect of the stream', async () => {
  const { log, clock, follow } = await serve()
  append(log, 4)
  const clients = [await follow('/toy', 'banana'), await follow('/native', 'banana')]
  for (const client of clients) await client.until(({ text }) => text.includes('id: 4\n'))
  clock.advance(15_000)
  await clients[0]?.until(({ text }) => text.endsWith('event: tick\ndata: alive\n\n'))
  await clients[1]?.until(({ text }) => text.endsWith(': alive\n\n'))
  expect(clients[0]?.text.startsWith('event: rewind\ndata: invalid 4\n\ndata: {"begin"')).toBe(true)
  expect(
    clients[1]?.text.startsWith('event: reset\ndata: {"reason":"invalid","firstSeq":1,"head":4}\n\nid: 1\n'),
  ).toBe(true)
})

test('a dialect decides the answer to a client that has a finished log already', async () => {
  const { log, delivery, follow } = await serve()
  append(log, 2)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  const again = await (await follow('/toy', '3')).end()
  expect([again.status, again.text, again.ended]).toEqual([200, '', true])
  expect((await follow('/native', '3')).status).toBe(204)
  const head = await (await follow('/toy', '3', 'HEAD')).end()
  expect([head.status, head.headers['content-type']]).toEqual([200, toyDialect.contentType])
  expect(delivery.stats()).toMatchObject({ followers: 0, feeds: 0 })
})
