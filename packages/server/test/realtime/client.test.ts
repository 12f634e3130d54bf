/** A client on a sink in memory: the messages that wait for it, and those it is spared. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import type { Identity } from '#auth/identity'
import { pendingBytesMax, RealtimeClient, stalledBytesMax } from '#realtime/client'
import { Published, RecordChange } from '#realtime/message'
import { readSubscription } from '#realtime/subscription'
import { FairQueue } from '#sse/fair-queue'
import { Heartbeats } from '#sse/heartbeats'
import { connectInMemory } from '#test/delivery/support/feed-rig'
import { parseFrames } from '#test/delivery/support/sse-client'

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
  it('a client that keeps up receives everything, in order', async () => {
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

  it('a client that keeps up is not cut off for a burst', async () => {
    const { client, sent, counters } = rig()
    for (let n = 0; n < 2000; n++) client.send(chat, new Published('x'.repeat(1000)))
    await turn()
    while (client.pendingBytes > 0) await turn()
    expect([sent().length, counters.overflowed]).toEqual([2000, 0])
  })
})

describe('a client that stops reading', () => {
  it('a client that stopped reading receives the newest state of each record, and a creation as a creation', async () => {
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

  it('a client that stopped reading receives a deletion even without the creation: it may have seen a list', async () => {
    const { client, sink, sent } = rig(() => true)
    client.send(runs, change('create', 'a', 1))
    client.send(runs, change('delete', 'a', 2))
    sink.drain()
    await turn()
    expect(sent().map(([, data]) => data.action)).toEqual(['delete'])
  })

  it('a client that stopped reading is cut off when too much waits for it, and nothing is kept', () => {
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

  it('a client that stopped reading is cut off at once by a burst above the bound of any client', () => {
    const { client, counters } = rig(() => true)
    const message = new Published('x'.repeat(100_000))
    for (let n = 0; n <= pendingBytesMax / 100_000; n++) client.send(chat, message)
    expect([counters.overflowed, client.isOpen]).toEqual([1, false])
  })

  it('a client that stopped reading receives no pings, and may be sent one message of any size', async () => {
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

  it('nothing is written to a client between a ping that filled its socket and the drain', async () => {
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

  it('a client is not sent messages of subscriptions it has given up', async () => {
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
  it('a connection that follows nothing is ended after eleven pings, one that follows something is not', () => {
    const { client, connection, counters, sink } = rig()
    for (let n = 0; n < 50; n++) connection.beat()
    expect(client.isOpen).toBe(true)
    client.follow(new Map())
    for (let n = 0; n < 11; n++) connection.beat()
    expect([counters.idled, sink.over]).toEqual([1, 'ended'])
  })

  it('a client is sent nothing once its proof of identity has expired', async () => {
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

  it('a client that is drained receives its waiting messages first', async () => {
    const { client, sent } = rig()
    client.send(chat, new Published(1))
    client.drain()
    client.send(chat, new Published(2))
    await client.closed
    expect(sent().map(([, data]) => data)).toEqual([1])
  })
})
