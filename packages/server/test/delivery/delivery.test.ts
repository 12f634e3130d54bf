import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { EventSource } from 'eventsource'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectNothingLeft } from './support/leftovers.ts'
import { MemoryLog } from './support/memory-log.ts'
import { open } from './support/sse-client.ts'
import { startStreamServer } from './support/stream-server.ts'

expectNothingLeft()

function logOf(count: number, closed: boolean): MemoryLog {
  const log = new MemoryLog()
  log.create('run')
  for (let n = 1; n <= count; n++) {
    log.append(
      'run',
      [{ type: n === count && closed ? 'complete' : n % 2 ? 'odd' : 'even', data: { n } }],
      closed && n === count,
    )
  }
  return log
}

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n)

describe('the answer', () => {
  test('a stream sends the documented headers before any event exists', async () => {
    const { url } = await startStreamServer({ log: logOf(0, false) })
    const client = await open(`${url}/run`)
    expect(client.status).toBe(200)
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'transfer-encoding': 'chunked',
      'millrace-epoch': 'epoch-1',
      'millrace-head': '0',
    })
  })

  test('a stream keeps the headers of plugins, except where it needs its own', async () => {
    const headers = {
      'access-control-allow-origin': 'https://a.example',
      'cache-control': 'public',
      'content-length': '3',
      vary: 'Origin',
      'x-frame-options': undefined,
    }
    const { url } = await startStreamServer({ log: logOf(1, true), stream: { headers } })
    const client = await (await open(`${url}/run`)).end()
    expect(client.headers['access-control-allow-origin']).toBe('https://a.example')
    expect(client.headers['cache-control']).toBe('no-cache, no-transform')
    expect(client.headers['content-length']).toBeUndefined()
    expect(client.headers.vary).toBe('Origin')
    expect(client.ids).toEqual([1])
  })

  test('a stream sends its headers before the first page is read', async () => {
    const log = logOf(3, false)
    let letRead = () => {}
    const { url } = await startStreamServer({ log })
    let calls = 0
    log.delay = () => {
      calls += 1
      // The first two delays belong to the read of the bounds.
      if (calls <= 2) return Promise.resolve()
      return new Promise((resolve) => {
        letRead = resolve
      })
    }
    const client = await open(`${url}/run`)
    expect(client.headers['millrace-head']).toBe('3')
    expect(client.text).toBe('')
    await until(() => calls > 2)
    log.delay = () => Promise.resolve()
    letRead()
    await client.until(({ ids }) => ids.length === 3)
  })

  test('a HEAD request receives the headers only', async () => {
    const { url, delivery } = await startStreamServer({ log: logOf(2, true) })
    const client = await (await open(`${url}/run`, { method: 'HEAD' })).end()
    expect(client.status).toBe(200)
    expect(client.headers['content-type']).toBe('text/event-stream')
    expect(client.headers['millrace-head']).toBe('2')
    expect(client.text).toBe('')
    expect(delivery.stats()).toMatchObject({ followers: 0, feeds: 0 })
  })

  test('delivery leaves the answer for a run that does not exist to the caller', async () => {
    const { url, results, delivery } = await startStreamServer()
    expect((await open(`${url}/nothing`)).status).toBe(404)
    expect(results).toEqual([{ outcome: 'missing' }])
    expect(delivery.stats()).toMatchObject({ followers: 0, feeds: 0 })
  })

  test('delivery leaves the answer to the caller when the store cannot be read, and holds nothing', async () => {
    const log = logOf(1, false)
    log.failReads = new Error('disk')
    const { url, delivery } = await startStreamServer({ log })
    expect((await open(`${url}/run`)).status).toBe(503)
    expect(delivery.stats()).toMatchObject({ followers: 0, feeds: 0 })
  })
})

describe('resuming', () => {
  test("a client that resumes a finished log with its last id receives 204, with the log's headers", async () => {
    const { url } = await startStreamServer({ log: logOf(4, true) })
    const client = await open(`${url}/run`, { headers: { 'Last-Event-ID': '4' } })
    expect(client.status).toBe(204)
    expect(client.headers).toMatchObject({ 'millrace-epoch': 'epoch-1', 'millrace-head': '4' })
    expect((await client.end()).text).toBe('')
  })

  test('a client that resumes at any cursor of a growing log receives exactly the events after it', async () => {
    const commits = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(commits, async (counts) => {
        const log = new MemoryLog()
        log.create('run')
        let reads = 0
        log.delay = async () => {
          for (let turns = reads++ % 4; turns > 0; turns--)
            await new Promise((resolve) => setImmediate(resolve))
        }
        const { url, server, delivery } = await startStreamServer({
          log,
          delivery: { ringBytes: 4000, batchBytes: 100 },
        })
        const half = Math.floor(counts.length / 2)
        for (const count of counts.slice(0, half)) log.appendMany('run', count, 20)
        const start = log.events('run').length
        const opening = range(0, start).map((after) =>
          open(`${url}/run`, { headers: { 'last-event-id': String(after) } }),
        )
        for (const count of counts.slice(half)) {
          log.appendMany('run', count, 20)
          await new Promise((resolve) => setImmediate(resolve))
        }
        log.append('run', [{ type: 'complete', data: null }], true)
        const head = log.events('run').length
        for (const [after, client] of (await Promise.all(opening)).entries()) {
          expect((await client.end()).ids).toEqual(range(after + 1, head))
          expect(client.ended).toBe(true)
        }
        expect(delivery.stats().feeds).toBe(0)
        server.closeAllConnections()
      }),
      { numRuns: process.env.MILLRACE_TEST_FULL === undefined ? 8 : 100 },
    )
  })

  const resets: [string, string, Record<string, string>][] = [
    ['invalid', 'after=banana', {}],
    ['invalid', 'after=-1', {}],
    ['invalid', 'after=1.5', {}],
    ['invalid', 'after=1', { 'last-event-id': '2; DROP' }],
    ['invalid', 'after=99999999999999999999', {}],
    ['ahead', 'after=7', {}],
    ['pruned', 'after=1', {}],
    ['pruned', '', {}],
    ['epoch', 'after=5&epoch=another', {}],
  ]
  test.each(resets)(
    'a cursor that is refused as %s (%s %o) is answered with a reset, then the log from its first kept event',
    async (reason, query, headers) => {
      const log = logOf(6, true)
      log.prune('run', 3)
      const { url, delivery } = await startStreamServer({ log })
      const client = await (await open(`${url}/run?${query}`, { headers })).end()
      expect(client.frames[0]).toEqual({
        id: null,
        event: 'reset',
        data: JSON.stringify({ reason, firstSeq: 4, head: 6 }),
      })
      expect(client.frames.slice(1).map(({ id }) => id)).toEqual(['4', '5', '6'])
      expect(delivery.stats().resets).toBe(1)
    },
  )

  test('a Last-Event-ID header wins over the query unless it is empty', async () => {
    const { url } = await startStreamServer({ log: logOf(6, true) })
    const both = await (await open(`${url}/run?after=1`, { headers: { 'last-event-id': '4' } })).end()
    expect(both.ids).toEqual([5, 6])
    const empty = await (await open(`${url}/run?after=1`, { headers: { 'last-event-id': '' } })).end()
    expect(empty.ids).toEqual([2, 3, 4, 5, 6])
  })

  test('a cursor in the right epoch is served', async () => {
    const { url } = await startStreamServer({ log: logOf(3, true) })
    expect((await (await open(`${url}/run?after=2&epoch=epoch-1`)).end()).ids).toEqual([3])
  })
})

test('a filter sends its types, the terminal event, and resets, whether replayed or live', async () => {
  const log = logOf(5, false)
  const { url } = await startStreamServer({ log })
  const client = await open(`${url}/run?after=99&types=even,unknown`)
  await client.until(({ frames }) => frames.length === 3)
  log.append('run', [{ type: 'even', data: 6 }])
  log.append('run', [{ type: 'odd', data: 7 }])
  log.append('run', [{ type: 'complete', data: 8 }], true)
  await client.end()
  expect(client.frames.map(({ event, id }) => `${event} ${id}`)).toEqual([
    'reset null',
    'even 2',
    'even 4',
    'even 6',
    'complete 8',
  ])
})

/** Tells the client how long to wait before it reconnects, which is 3 s otherwise. The rest of the answer is as it came. */
const reconnectingAtOnce: typeof fetch = async (input, init) => {
  const { body, status, headers, url } = await fetch(input, init)
  const hinted = body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: (stream) => stream.enqueue(new TextEncoder().encode('retry: 10\n\n')),
    }),
  )
  return Object.defineProperty(new Response(hinted ?? null, { status, headers }), 'url', { value: url })
}

test('an unmodified EventSource follows, reconnects after a cut, misses nothing, and stops after the 204', async () => {
  const log = logOf(3, false)
  const { url, sockets, results, delivery } = await startStreamServer({ log })
  const source = new EventSource(`${url}/run`, { fetch: reconnectingAtOnce })
  const seen: string[] = []
  for (const type of ['odd', 'even', 'complete'])
    source.addEventListener(type, (event) => seen.push(event.lastEventId))
  await until(() => seen.length === 3)
  for (const socket of sockets) socket.destroy()
  log.append('run', [{ type: 'even', data: 4 }])
  await until(() => seen.length === 4)
  log.append('run', [{ type: 'complete', data: 5 }], true)
  await until(() => source.readyState === EventSource.CLOSED)
  expect(seen).toEqual(['1', '2', '3', '4', '5'])
  expect(results.map(({ outcome }) => outcome)).toEqual(['streaming', 'streaming', 'over'])
  expect(delivery.stats().followers).toBe(0)
})

test('a client that disconnects leaves nothing behind', async () => {
  const log = logOf(3, false)
  const { url, delivery, results, sockets } = await startStreamServer({ log })
  const clients = await Promise.all(range(1, 10).map(() => open(`${url}/run`)))
  await Promise.all(clients.map((client) => client.until(({ ids }) => ids.length === 3)))
  expect(delivery.stats()).toMatchObject({ followers: 10, feeds: 1 })
  expect(delivery.stats().ringBytes).toBeGreaterThan(0)
  for (const client of clients) client.disconnect()
  await Promise.all(results.map((result) => (result.outcome === 'streaming' ? result.handle.closed : null)))
  await until(() => sockets.size === 0)
  expect(delivery.stats()).toMatchObject({ followers: 0, feeds: 0, ringBytes: 0, stalled: 0 })
  log.append('run', [{ type: 'late', data: null }])
})

test('a client that leaves while its log is looked up leaves nothing behind', async () => {
  const log = logOf(1, false)
  let answer = () => {}
  let asked = false
  log.delay = () => {
    asked = true
    return new Promise((resolve) => {
      answer = resolve
    })
  }
  const { url, delivery, sockets } = await startStreamServer({ log })
  const opening = open(`${url}/run`).catch(() => null)
  await until(() => asked)
  for (const socket of sockets) socket.destroy()
  await opening
  await until(() => sockets.size === 0)
  log.delay = () => Promise.resolve()
  answer()
  await until(() => delivery.stats().feeds === 0)
  expect(delivery.stats().followers).toBe(0)
})

test('closing a handle ends that stream and no other', async () => {
  const log = logOf(2, false)
  const { url, results } = await startStreamServer({ log })
  const first = await (await open(`${url}/run`)).until(({ ids }) => ids.length === 2)
  const second = await (await open(`${url}/run`)).until(({ ids }) => ids.length === 2)
  const result = results[0]
  if (result?.outcome !== 'streaming') throw new Error('not streaming')
  result.handle.close()
  await first.end()
  await result.handle.closed
  log.append('run', [{ type: 'odd', data: 3 }])
  await second.until(({ ids }) => ids.length === 3)
  expect(first.ids).toEqual([1, 2])
})

test('every follower receives its heartbeat from one timer, and by then what a lost wake-up announced', async () => {
  const clock = new ManualClock()
  const log = logOf(1, false)
  const { url } = await startStreamServer({ log, delivery: { clock } })
  const clients = await Promise.all(range(1, 5).map(() => open(`${url}/run`)))
  await Promise.all(clients.map((client) => client.until(({ ids }) => ids.length === 1)))
  expect(clock.pending).toBe(1)
  clock.advance(15_000)
  await Promise.all(clients.map((client) => client.until(({ text }) => text.endsWith(': heartbeat\n\n'))))
  log.hints = () => {}
  log.append('run', [{ type: 'even', data: 2 }])
  const before = log.boundsRead
  clock.advance(15_000)
  await Promise.all(clients.map((client) => client.until(({ ids }) => ids.length === 2)))
  expect(log.boundsRead - before).toBe(1)
  for (const client of clients) client.disconnect()
  await until(() => clock.pending === 0)
})

describe('draining', () => {
  test('a drain delivers the terminal event to every follower, then ends their streams', async () => {
    const log = logOf(3, false)
    const { url, delivery } = await startStreamServer({ log })
    const clients = await Promise.all(range(1, 20).map(() => open(`${url}/run`)))
    // The hint of the last commit is lost: the drain looks at the store itself.
    log.hints = () => {}
    log.append('run', [{ type: 'interrupted', data: 'shutdown' }], true)
    await delivery.drain(20_000)
    for (const client of clients) {
      expect((await client.end()).frames.at(-1)?.event).toBe('interrupted')
      expect([client.ids, client.ended]).toEqual([[1, 2, 3, 4], true])
    }
    expect(delivery.stats().followers).toBe(0)
  })

  test('a drain ends the streams of open logs too, and new ones are closed unanswered', async () => {
    const { url, delivery } = await startStreamServer({ log: logOf(3, false) })
    const client = await open(`${url}/run`)
    await delivery.drain(20_000)
    expect((await client.end()).ids).toEqual([1, 2, 3])
    expect(client.ended).toBe(true)
    await expect(open(`${url}/run`)).rejects.toThrow(/hang up|ECONNRESET/)
    expect(delivery.stats().feeds).toBe(0)
  })

  test('a drain does not wait beyond its deadline for a client that takes nothing', async () => {
    const clock = new ManualClock()
    const log = logOf(0, false)
    log.appendMany('run', 2000, 10_000)
    const { url, delivery, results } = await startStreamServer({ log, delivery: { clock } })
    const client = await open(`${url}/run`)
    client.response.pause()
    await until(() => delivery.stats().stalled === 1)
    const result = results[0]
    expect(result?.outcome === 'streaming' && result.handle.stalledSince).toBe(0)
    const drained = delivery.drain(3000)
    await until(() => clock.pending === 2)
    clock.advance(3000)
    await drained
    expect(delivery.stats()).toMatchObject({ followers: 0, stalled: 0, feeds: 0 })
    client.response.resume()
    expect((await client.end()).aborted).toBe(true)
  })
})
