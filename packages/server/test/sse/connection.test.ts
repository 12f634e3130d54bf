import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, test } from 'vitest'
import { textChunk } from '#sse/chunk'
import { Connection } from '#sse/connection'
import { Heartbeats } from '#sse/heartbeats'
import { endPipelined, markStreaming } from '#sse/pipelining'
import { MemorySink } from '#test/delivery/support/feed-rig'

class FakeSocket extends EventEmitter {
  destroyed = false
  destroy(): void {
    this.destroyed = true
  }
}

function rig(options: { full?: () => boolean; beat?: (connection: Connection) => void } = {}) {
  const clock = new ManualClock()
  const counters = { bytesOut: 0 }
  const heard: string[] = []
  const req = { httpVersionMajor: 1, socket: new FakeSocket() } as unknown as IncomingMessage
  let sink: MemorySink | undefined
  const connection: Connection = new Connection(
    { clock, counters, heartbeats: new Heartbeats(clock) },
    {
      user: {
        drained: () => heard.push('drained'),
        beat: () => options.beat?.(connection),
        leave: () => heard.push('leave'),
      },
      heartbeat: { intervalMs: 1000, chunk: textChunk(': beat\n\n') },
      openSink: (owner) => {
        sink = new MemorySink(owner, options.full ?? (() => false))
        return sink
      },
      mark: () => markStreaming(req),
    },
  )
  if (sink === undefined) throw new Error('no sink')
  return { clock, counters, heard, req, connection, sink }
}

const endings: [string, (connection: Connection) => void, 'ended' | 'destroyed' | null][] = [
  ['finished', (connection) => connection.finish(), 'ended'],
  ['closed', (connection) => connection.close(), 'ended'],
  ['destroyed', (connection) => connection.destroy(), 'destroyed'],
  ['left by its client', (connection) => connection.over(), null],
]

test.each(endings)(
  'a connection that is %s leaves its user once, and no timer, mark or phase of it is left',
  async (_name, end, over) => {
    const { connection, sink, heard, clock, req } = rig()
    expect([connection.isOpen, clock.pending]).toEqual([true, 1])
    end(connection)
    expect([connection.isOpen, sink.over, clock.pending]).toEqual([false, over, 0])
    expect(endPipelined(req)).toBe(false)
    end(connection)
    connection.destroy()
    await connection.closed
    connection.over()
    connection.drained()
    expect(heard).toEqual(['leave'])
  },
)

test('a pipelined request ends the connection only while it carries the stream, and never over HTTP/2', () => {
  const { connection, req } = rig()
  expect(endPipelined({ ...req, httpVersionMajor: 2 } as IncomingMessage)).toBe(false)
  expect([endPipelined(req), (req.socket as unknown as FakeSocket).destroyed]).toEqual([true, true])
  connection.finish()
  expect(endPipelined(req)).toBe(false)
})

test('a connection is stalled from the write that fills its sink until the drain, and its backlog is what was written since', () => {
  let full = false
  const { connection, sink, clock, heard, counters } = rig({ full: () => full })
  connection.write(textChunk('12345'))
  expect([connection.stalledSince, connection.backlogBytes]).toEqual([null, 0])
  clock.advance(7)
  full = true
  connection.write(textChunk('123'))
  expect([connection.backedUp, connection.stalledSince, connection.backlogBytes]).toEqual([true, 7, 3])
  sink.drain()
  expect([connection.backedUp, connection.stalledSince, connection.backlogBytes]).toEqual([false, null, 0])
  // A drain while nothing is held back has no effect.
  connection.drained()
  expect([heard, counters.bytesOut]).toEqual([['drained'], 8])
})

test('heartbeats go to a connection that keeps up, and to none that is backed up', () => {
  let full = false
  const { connection, sink, clock, counters } = rig({ full: () => full })
  clock.advance(1000)
  full = true
  connection.write(textChunk('frame\n\n'))
  clock.advance(5000)
  expect(sink.text).toBe(': beat\n\nframe\n\n')
  full = false
  sink.drain()
  clock.advance(1000)
  expect(sink.text).toBe(': beat\n\nframe\n\n: beat\n\n')
  expect(counters.bytesOut).toBe(sink.text.length)
})

test('a user may end its connection at a heartbeat, which is not sent then', () => {
  const { sink, clock } = rig({ beat: (connection) => connection.close() })
  clock.advance(10_000)
  expect([sink.text, sink.over, clock.pending]).toEqual(['', 'ended', 0])
})

test('closing a connection that is backed up breaks it off, also while its end is on the way', () => {
  const stalled = rig({ full: () => true })
  stalled.connection.write(textChunk('x'))
  stalled.connection.close()
  expect(stalled.sink.over).toBe('destroyed')
  const ending = rig({ full: () => true })
  ending.connection.write(textChunk('x'))
  ending.connection.finish()
  expect([ending.sink.over, ending.connection.stalledSince]).toEqual(['ended', 0])
  ending.connection.close()
  expect([ending.sink.over, ending.heard]).toEqual(['destroyed', ['leave']])
})
