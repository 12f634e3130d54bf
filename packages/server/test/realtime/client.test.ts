/** A client on a sink in memory: what waits for it, and what it is spared. */
import { describe, expect, it } from 'vitest'
import type { Identity } from '#auth/identity'
import { pendingBytesMax, RealtimeClient, stalledBytesMax } from '#realtime/client'
import { Published, RecordChange } from '#realtime/message'
import { readSubscription } from '#realtime/subscription'
import { FairQueue } from '#sse/fair-queue'
import { Heartbeats } from '#sse/heartbeats'
import { connectInMemory } from '../delivery/support/feed-rig.ts'
import { ManualClock } from '../delivery/support/manual-clock.ts'
import { parseFrames } from '../delivery/support/sse-client.ts'

const runs = readSubscription('runs/*')
const chat = readSubscription('chat')
const change = (action: 'create' | 'update' | 'delete', id: string, head: number, pad = '') =>
  new RecordChange(action, 'runs', { id, head, pad } as { id: string })

function rig(fullAfterWrite: () => boolean = () => false) {
  const clock = new ManualClock()
  const counters = { messagesOut: 0, bytesOut: 0, coalesced: 0, overflowed: 0, idled: 0 }
  const control = { time: 0, detached: 0 }
  let connected: ReturnType<typeof connectInMemory> | undefined
  const client = new RealtimeClient(
    {
      id: 'me',
      turns: new FairQueue(),
      clock,
      now: () => control.time,
      counters,
      onDetached: () => {
        control.detached += 1
      },
    },
    (user) => {
      const parts = { clock, counters, heartbeats: new Heartbeats(clock) }
      connected = connectInMemory(user, parts, { fullAfterWrite, heartbeatText: ': ping\n\n' })
      return connected.connection
    },
  )
  client.follow(new Map([runs, chat].map((one) => [one.text, one])))
  if (connected === undefined) throw new Error('no connection')
  const { connection, sink } = connected
  const sent = () =>
    parseFrames(sink.text)
      .slice(1)
      .map(({ event, data }) => [event, JSON.parse(data)] as const)
  return { client, connection, clock, counters, control, sink, sent }
}
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

describe('a client that keeps up', () => {
  it('gets everything, in order', async () => {
    const { client, sent } = rig()
    client.send(runs, change('create', 'a', 1))
    await turn()
    client.send(runs, change('update', 'a', 2))
    client.send(chat, new Published('hello'))
    client.send(chat, new Published('hello'))
    await turn()
    expect(sent()).toEqual([
      ['runs/*', { action: 'create', record: { id: 'a', head: 1, pad: '' } }],
      ['runs/*', { action: 'update', record: { id: 'a', head: 2, pad: '' } }],
      ['chat', 'hello'],
      ['chat', 'hello'],
    ])
  })

  it('is not cut off for a burst, however the socket says "full" for a moment', async () => {
    const { client, sent, counters } = rig()
    for (let n = 0; n < 2000; n++) client.send(chat, new Published('x'.repeat(1000)))
    await turn()
    while (client.pendingBytes > 0) await turn()
    expect([sent().length, counters.overflowed]).toEqual([2000, 0])
  })
})

describe('a client that stops reading', () => {
  it('gets of each record the newest state, and a creation as one', async () => {
    const { client, sink, sent, counters } = rig(() => true)
    for (let head = 1; head <= 1000; head++) {
      client.send(runs, change(head === 1 ? 'create' : 'update', 'a', head))
      client.send(runs, change('update', 'b', head))
    }
    client.send(runs, change('delete', 'c', 9))
    expect(client.pendingBytes).toBeLessThan(2000)
    expect([counters.coalesced, sink.writes, client.stalledSince]).toEqual([1998, 1, 0])
    sink.drain()
    await turn()
    expect(sent().map(([, data]) => [data.action, data.record.id, data.record.head])).toEqual([
      ['create', 'a', 1000],
      ['update', 'b', 1000],
      ['delete', 'c', 9],
    ])
  })

  it('is told of a deletion also when it was not told of the creation: it may have seen a list', async () => {
    const { client, sink, sent } = rig(() => true)
    client.send(runs, change('create', 'a', 1))
    client.send(runs, change('delete', 'a', 2))
    sink.drain()
    await turn()
    expect(sent().map(([, data]) => data.action)).toEqual(['delete'])
  })

  it('is cut off when more waits than it may hold, and nothing is kept for it', () => {
    const { client, clock, sink, counters, control } = rig(() => true)
    const message = new Published('x'.repeat(10_000))
    let most = 0
    for (let n = 0; n < 100_000 && client.isOpen; n++) {
      clock.advance(100)
      client.send(chat, message)
      most = Math.max(most, client.pendingBytes)
    }
    expect([counters.overflowed, sink.over, control.detached]).toEqual([1, 'destroyed', 1])
    expect(most).toBeLessThan(stalledBytesMax + 11_000)
    expect(client.pendingBytes).toBe(0)
  })

  it('is cut off at once where a burst is larger than anybody may hold', () => {
    const { client, counters } = rig(() => true)
    const message = new Published('x'.repeat(100_000))
    for (let n = 0; n <= pendingBytesMax / 100_000; n++) client.send(chat, message)
    expect([counters.overflowed, client.isOpen]).toEqual([1, false])
  })

  it('gets no pings, and a single message however large', async () => {
    const { client, connection, clock, sink, sent } = rig(() => true)
    connection.beat()
    expect(sink.text).not.toContain('ping')
    clock.advance(10_000)
    client.send(chat, new Published('x'.repeat(1_000_000)))
    expect(client.isOpen).toBe(true)
    sink.drain()
    await turn()
    expect(sent()).toHaveLength(1)
  })

  it('is not written to between a ping that filled its socket and the drain', async () => {
    let full = false
    const { client, connection, sink, sent } = rig(() => full)
    client.send(chat, new Published(1))
    full = true
    connection.beat()
    await turn()
    expect([sent().length, client.pendingBytes > 0]).toEqual([0, true])
    full = false
    sink.drain()
    await turn()
    expect(sent()).toEqual([['chat', 1]])
  })

  it('is not sent what is for subscriptions it has given up', async () => {
    const { client, sink, sent } = rig(() => true)
    client.send(runs, change('update', 'a', 1))
    client.send(chat, new Published(1))
    client.follow(new Map([['chat', chat]]))
    sink.drain()
    await turn()
    expect(sent()).toEqual([['chat', 1]])
  })
})

describe('a connection', () => {
  it('that follows nothing is ended after eleven pings, one that does is not', () => {
    const { client, connection, counters, sink } = rig()
    for (let n = 0; n < 50; n++) connection.beat()
    expect(client.isOpen).toBe(true)
    client.follow(new Map())
    for (let n = 0; n < 11; n++) connection.beat()
    expect([counters.idled, sink.over]).toEqual([1, 'ended'])
  })

  it('is sent nothing once the proof of who it is has expired', async () => {
    const { client, control, sent, sink } = rig()
    client.identity = {
      principal: { user: 'a', admin: false },
      credential: null,
      parent: null,
      expiresAt: 10,
    } satisfies Identity
    control.time = 9
    client.send(chat, new Published(1))
    await turn()
    control.time = 10
    client.send(chat, new Published(2))
    await turn()
    expect([sent().map(([, data]) => data), sink.over]).toEqual([[1], 'ended'])
  })

  it('that leaves gets what waits for it first', async () => {
    const { client, sent } = rig()
    client.send(chat, new Published(1))
    client.drain()
    client.send(chat, new Published(2))
    await client.closed
    expect(sent().map(([, data]) => data)).toEqual([1])
  })
})
