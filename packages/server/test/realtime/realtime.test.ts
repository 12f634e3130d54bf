/** The whole of topics on real sockets, with a clock that the test drives. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import type { Identity } from '#auth/identity'
import type { RealtimeClient } from '#realtime/client'
import { RunHooks } from '#realtime/hooks'
import { Realtime } from '#realtime/realtime'
import { readSubscription } from '#realtime/subscription'
import type { Commit } from '#store/store'
import { expectNothingLeft } from '#test/delivery/support/leftovers'
import { open } from '#test/delivery/support/sse-client'

expectNothingLeft()

const as = (user: string, admin = false): Identity => ({
  principal: { user, admin },
  credential: null,
  parent: null,
  expiresAt: null,
})

async function rig(node = randomUUID(), getRun: () => Promise<null> = async () => null) {
  const clock = new ManualClock()
  let listeners = 0
  let commit: (commit: Commit) => void = () => {}
  const realtime = new Realtime({
    store: {
      getRun,
      listRuns: async () => ({ runs: [], nextCursor: null }),
      onCommit: (listener) => {
        listeners += 1
        commit = listener
        return () => {
          listeners -= 1
        }
      },
    },
    publicTopics: ['news'],
    hooks: new RunHooks(),
    node,
    now: () => 0,
    log: pino({ level: 'silent' }),
    clock,
  })
  const clients: RealtimeClient[] = []
  const server = createServer((req, res) => {
    const client = realtime.connect({ req, res, headers: {}, compress: req.url === '/gzip' })
    if (client !== null) clients.push(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    realtime.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    expect([listeners, clock.pending, realtime.stats().clients]).toEqual([0, 0, 0])
  })
  const { port } = server.address() as AddressInfo
  const connect = async () => {
    const stream = await open(`http://127.0.0.1:${port}/`)
    await stream.until(({ frames }) => frames.length > 0)
    const client = realtime.find(stream.frames[0]?.id ?? '')
    if (client === undefined) throw new Error('no client')
    const follow = (identity: Identity | null, ...topics: string[]) =>
      realtime.subscribe(client, identity, topics.map(readSubscription))
    return { stream, client, follow }
  }
  return { realtime, clock, connect, clients, port, commit: (one: Commit) => commit(one) }
}

it('every client is pinged every 30 s from one timer, and its id begins with its node', async () => {
  const { connect, clock } = await rig('0badcafe-feed-4a11-8000-000000000000')
  const clients = [await connect(), await connect(), await connect()]
  expect(clock.pending).toBe(1)
  clock.advance(29_000)
  clock.advance(1000)
  for (const { stream, client } of clients) {
    await stream.until(({ text }) => text.endsWith('\n\n: ping\n\n'))
    expect(client.id.startsWith('0badcafefeed-')).toBe(true)
  }
})

it('a client that follows nothing for five minutes is let go, one that follows something stays', async () => {
  const { connect, clock, realtime } = await rig()
  const [idle, busy, guest] = [await connect(), await connect(), await connect()]
  busy.follow(as('ann'), 'runs/*')
  guest.follow(null, 'runs/*', 'private')
  for (let n = 0; n < 11; n++) clock.advance(30_000)
  await idle.stream.end()
  await guest.stream.end()
  expect([realtime.find(idle.client.id), realtime.find(busy.client.id)]).toEqual([undefined, busy.client])
  expect(realtime.stats()).toMatchObject({ idled: 2, clients: 1, subscriptions: 1 })
})

it('a drain sends waiting messages, ends the streams, and hangs up on clients that do not read', async () => {
  const { connect, clock, realtime } = await rig()
  const [reader, sleeper] = [await connect(), await connect()]
  for (const { follow } of [reader, sleeper]) follow(as('ann'), 'topic')
  sleeper.stream.response.pause()
  const large = 'x'.repeat(1_000_000)
  let sent = 0
  while (sleeper.client.stalledSince === null || sleeper.client.pendingBytes === 0) {
    realtime.publish('topic', large)
    sent += 1
    await until(() => reader.client.pendingBytes === 0 && reader.client.stalledSince === null)
  }
  realtime.publish('topic', 'last')
  const drained = realtime.drain(3000)
  await reader.stream.end()
  expect([reader.stream.ended, reader.stream.frames.length]).toEqual([true, sent + 2])
  expect(reader.stream.text).toContain('data: "last"\n')
  clock.advance(3000)
  await drained
  expect(realtime.stats()).toMatchObject({ clients: 0, subscriptions: 0, pendingBytes: 0 })
})

it('runs are read for clients that follow records, and not for PB_CONNECT, which every SDK follows', async () => {
  let reads = 0
  const { connect, commit } = await rig(undefined, async () => {
    reads += 1
    return null
  })
  const { follow } = await connect()
  const created: Commit = {
    runId: 'a',
    change: 'created',
    state: 'queued',
    head: 1,
    closed: false,
    events: [],
  }
  follow(as('ann'), 'PB_CONNECT', 'chat')
  commit(created)
  expect(reads).toBe(0)
  follow(as('ann'), 'PB_CONNECT', 'runs/*')
  commit(created)
  expect(reads).toBe(1)
})

it('a drain does not wait for a store that does not answer', async () => {
  const { connect, clock, realtime, commit } = await rig(undefined, () => new Promise(() => {}))
  const reader = await connect()
  reader.follow(as('ann'), 'runs/*')
  commit({ runId: 'a', change: 'created', state: 'queued', head: 1, closed: false, events: [] })
  const drained = realtime.drain(3000)
  clock.advance(3000)
  await drained
  await reader.stream.end()
  expect(realtime.stats()).toMatchObject({ clients: 0, subscriptions: 0 })
})

it('a new connection is closed unanswered while topics drain', async () => {
  const { realtime, port } = await rig()
  await realtime.drain(0)
  await expect(open(`http://127.0.0.1:${port}/`)).rejects.toThrow()
})
