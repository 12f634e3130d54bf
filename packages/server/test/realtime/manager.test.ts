import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSSEComment, formatSSEMessage, RealtimeManager } from '#embed/realtime-manager'
import { parseFrames } from '#test/delivery/support/sse-client'

class Connection {
  text = ''
  flushed = 0
  closed = 0
  write(text: string) {
    this.text += text
    return true
  }
  flush() {
    this.flushed += 1
  }
  close() {
    this.closed += 1
  }
}

describe('frames', () => {
  it('frames have their fields in one form', () => {
    expect(formatSSEMessage({ id: 'c1', event: 'PB_CONNECT', data: { clientId: 'c1' } })).toBe(
      'id: c1\nevent: PB_CONNECT\ndata: {"clientId":"c1"}\n\n',
    )
    expect(formatSSEMessage({ data: 'a\r\nb\rc\nd' })).toBe('data: a\ndata: b\ndata: c\ndata: d\n\n')
    expect(formatSSEMessage({ data: undefined })).toBe('data: null\n\n')
    expect(formatSSEComment('ping')).toBe(': ping\n\n')
  })

  it('no text brings a field of its own into a frame', () => {
    const evil = fc
      .array(fc.constantFrom('\r', '\n', '\0', 'event: x', 'data: x', ':', 'a'))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(evil, evil, fc.oneof(evil, fc.jsonValue()), (id, event, data) => {
        const frame = formatSSEMessage({ id, event, data })
        expect(frame).not.toContain('\r')
        const lines = frame.slice(0, -2).split('\n')
        expect(lines.filter((line) => line.startsWith('id: '))).toHaveLength(1)
        expect(lines.filter((line) => line.startsWith('event: '))).toHaveLength(1)
        expect(lines.slice(2).every((line) => line.startsWith('data: '))).toBe(true)
        const comment = formatSSEComment(event)
        expect(
          comment
            .slice(0, -2)
            .split('\n')
            .every((line) => line.startsWith(': ')),
        ).toBe(true)
      }),
    )
  })
})

describe('a manager', () => {
  it('a manager closes a client that does not read once its connection holds too much', () => {
    const manager = new RealtimeManager({ maxBufferedBytes: 1000 })
    const [reader, sleeper] = [new Connection(), new Connection()]
    const held = Object.defineProperty(sleeper, 'writableLength', { get: () => sleeper.text.length })
    manager.registerClient('reader', reader)
    manager.registerClient('sleeper', held)
    for (let n = 0; n < 100; n++)
      for (const id of manager.getAllClientIds()) manager.sendEvent(id, 'e', 'x'.repeat(100))
    expect([manager.getAllClientIds(), reader.closed, sleeper.closed]).toEqual([['reader'], 0, 1])
    expect(sleeper.text.length).toBeLessThan(1200)
    expect(manager.sendComment('sleeper', 'ping')).toBe(false)
  })

  it('a manager sends to known clients, flushes each time, and closes the clients it forgets', () => {
    const manager = new RealtimeManager()
    const [one, two] = [new Connection(), new Connection()]
    manager.registerClient('one', one)
    manager.registerClient('two', two)
    expect(manager.sendEvent('one', 'PB_CONNECT', { clientId: 'one' })).toBe(true)
    expect(manager.sendComment('two', 'ping')).toBe(true)
    expect(parseFrames(one.text)).toEqual([{ id: 'one', event: 'PB_CONNECT', data: '{"clientId":"one"}' }])
    expect([two.text, one.flushed, two.flushed]).toEqual([': ping\n\n', 1, 1])
    expect(manager.getAllClientIds()).toEqual(['one', 'two'])
    expect([manager.removeClient('one'), manager.removeClient('one'), one.closed]).toEqual([true, false, 1])
    expect(manager.sendEvent('one', 'x', 1)).toBe(false)
    manager.registerClient('two', one)
    expect([two.closed, manager.getAllClientIds()]).toEqual([1, ['two']])
  })

  it('a manager forgets and closes a client whose connection throws or rejects', async () => {
    const manager = new RealtimeManager()
    let closed = 0
    const close = () => {
      closed += 1
      throw new Error('closed before')
    }
    const refuse = () => {
      throw new Error('gone')
    }
    manager.registerClient('throws', { write: refuse, close })
    manager.registerClient('rejects', { write: async () => refuse(), close })
    manager.registerClient('stuck', { write: () => true, flush: refuse, close })
    expect(manager.sendEvent('throws', 'a', 1)).toBe(false)
    manager.sendEvent('rejects', 'a', 1)
    expect(manager.sendComment('stuck', 'a')).toBe(false)
    await Promise.resolve()
    await Promise.resolve()
    expect([manager.getAllClientIds(), closed]).toEqual([[], 3])
  })

  it('a manager closes the clients without a sign of life, and only them', () => {
    let now = 0
    const manager = new RealtimeManager({ inactiveMs: 1000, now: () => now })
    const [quiet, lively] = [new Connection(), new Connection()]
    manager.registerClient('quiet', quiet)
    manager.registerClient('lively', lively)
    now = 900
    expect([manager.updateActivity('lively'), manager.updateActivity('nobody')]).toEqual([true, false])
    now = 1000
    expect(manager.removeInactive()).toEqual(['quiet'])
    expect([quiet.closed, lively.closed]).toEqual([1, 0])
  })
})
