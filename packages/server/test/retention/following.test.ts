import { completed, line, runningRun, upTo } from '@millrace/store-conformance/material'
import { until } from '@millrace/test-support/until'
import { expect, onTestFinished, test } from 'vitest'
import { Retention } from '#retention/retention'
import { openMemoryStore } from '#store/memory/store'
import type { Store } from '#store/store'
import { open, type SseClient } from '#test/delivery/support/sse-client'
import { startStreamServer } from '#test/delivery/support/stream-server'

function openTemporary(): Store {
  const store = openMemoryStore()
  onTestFinished(() => store.close())
  return store
}

/** More than sockets and rings hold between a server and a client that does not read. */
const eventBytes = 64_000
const eventCount = 400

async function longRun(store: Store): Promise<string> {
  const id = await runningRun(store)
  for (const n of upTo(eventCount / 20)) {
    await store.append(
      id,
      1,
      upTo(20).map((m) => line(`${n}:${m}:${'x'.repeat(eventBytes)}`)),
    )
  }
  return id
}

/** A server, and a follower that has read a little and then stopped reading. */
async function pausedFollower() {
  const store = openTemporary()
  const id = await longRun(store)
  const server = await startStreamServer({ source: store })
  const client = await open(`${server.url}/${id}`)
  await client.until(({ ids }) => ids.length > 0)
  client.response.pause()
  await until(() => server.delivery.stats().stalled === 1)
  const retention = new Retention({ store, rule: { days: 1 }, now: () => Date.now() })
  return { store, id, server, client, retention }
}

const resetsOf = (client: SseClient) =>
  client.frames.filter(({ event }) => event === 'reset').map(({ data }) => JSON.parse(data))

test('a follower paused behind a prune gets a reset, then the log from its first kept event, then live', async () => {
  const { store, id, client, retention } = await pausedFollower()
  const head = eventCount + 2
  expect(await retention.prune({ events: 10 })).toMatchObject({ runs: 0, events: head - 10 })
  client.response.resume()
  await client.until(({ ids }) => ids.at(-1) === head)
  expect(resetsOf(client)).toEqual([{ reason: 'pruned', firstSeq: head - 9, head }])
  const reset = client.frames.findIndex(({ event }) => event === 'reset')
  const ids = client.frames.map((frame) => Number(frame.id))
  expect(reset).toBeLessThan(head - 10)
  expect(ids.slice(0, reset)).toEqual(upTo(reset))
  expect(ids.slice(reset + 1)).toEqual(upTo(head, head - 9))
  await store.append(id, 1, [line('live')])
  await store.finish(id, 1, completed())
  await client.end()
  expect(client.ended).toBe(true)
  expect(client.ids.slice(-2)).toEqual([head + 1, head + 2])
})

test('the stream of a run that is deleted meanwhile ends cleanly, and a reconnect finds no such run', async () => {
  const { store, id, server, client, retention } = await pausedFollower()
  await store.finish(id, 1, completed(null, 1))
  expect(await retention.prune()).toMatchObject({ runs: 1 })
  client.response.resume()
  await client.end()
  expect(client).toMatchObject({ ended: true, aborted: false })
  expect(client.ids).toEqual(upTo(client.ids.length))
  expect(client.frames.map(({ event }) => event)).not.toContain('complete')
  const last = `${client.ids.at(-1)}`
  expect((await open(`${server.url}/${id}`, { headers: { 'last-event-id': last } })).status).toBe(404)
})

test('a cursor from before a prune gets a reset when it comes back', async () => {
  const store = openTemporary()
  const id = await runningRun(store)
  await store.append(
    id,
    1,
    upTo(20).map((n) => line(`${n}`)),
  )
  await store.finish(id, 1, completed())
  const server = await startStreamServer({ source: store })
  await new Retention({ store, rule: { days: 36_500, events: 1 }, now: () => Date.now() }).prune()
  for (const after of ['', '?after=0', '?after=7', '?after=21']) {
    const client = await (await open(`${server.url}/${id}${after}`)).end()
    expect(resetsOf(client)).toEqual([{ reason: 'pruned', firstSeq: 23, head: 23 }])
    expect(client.frames.at(-1)).toMatchObject({ id: '23', event: 'complete' })
  }
  const exact = await (await open(`${server.url}/${id}?after=22`)).end()
  expect(exact.frames.map(({ event }) => event)).toEqual(['complete'])
  expect((await open(`${server.url}/${id}?after=23`)).status).toBe(204)
})
