import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionResponse } from '@millrace/protocol'
import { createSession } from 'better-sse'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StreamService } from '#embed/stream-service'

const result: ExecutionResponse = {
  jobId: 'j',
  toolId: 't',
  projectId: 'p',
  success: true,
  exitCode: 0,
  signal: null,
  timedOut: false,
  durationMs: 1,
  queuedMs: 0,
  outputLines: 1,
  startedAt: 1,
  finishedAt: 2,
}

function recording() {
  const pushed: [string | undefined, unknown][] = []
  return { pushed, push: (data: unknown, event?: string) => void pushed.push([event, data]) }
}

describe('the stream service', () => {
  it('the stream service sends to the session of a job, and to no other', () => {
    const service = new StreamService()
    const [mine, other] = [recording(), recording()]
    service.registerSession('j', mine)
    service.registerSession('k', other)
    service.sendOutput('j', 'hello')
    service.sendOutput('j', 'oh', 'stderr')
    service.sendComplete('j', result)
    service.sendError('j', 'too late')
    expect(mine.pushed).toEqual([
      ['output', { line: 'hello', timestamp: expect.any(Number), stream: 'stdout' }],
      ['output', { line: 'oh', timestamp: expect.any(Number), stream: 'stderr' }],
      ['complete', result],
      ['error', { message: 'too late' }],
    ])
    expect(other.pushed).toEqual([])
  })

  it('the stream service does nothing for a job without a session', () => {
    const service = new StreamService()
    service.sendOutput('j', 'x')
    service.sendComplete('j', result)
    service.sendError('j', 'x')
    service.unregisterSession('j')
    expect([service.hasSession('j'), service.activeSessionCount]).toEqual([false, 0])
  })

  it('a later session of a job replaces the earlier one', () => {
    const service = new StreamService()
    const [earlier, later] = [recording(), recording()]
    service.registerSession('j', earlier)
    service.registerSession('j', later)
    expect(service.activeSessionCount).toBe(1)
    service.sendError('j', 'x')
    expect([earlier.pushed.length, later.pushed.length]).toEqual([0, 1])
    service.unregisterSession('j', earlier)
    expect(service.hasSession('j')).toBe(true)
    service.unregisterSession('j')
    expect(service.hasSession('j')).toBe(false)
  })

  it.each([
    ['throws', () => Promise.resolve(), true],
    ['rejects', () => Promise.reject(new Error('gone')), false],
  ])('a session that %s is forgotten, without a failure for the caller', async (_how, push, throws) => {
    const service = new StreamService()
    service.registerSession('j', {
      push: () => {
        if (throws) throw new Error('gone')
        return push()
      },
    })
    service.sendOutput('j', 'x')
    await new Promise((resolve) => setImmediate(resolve))
    expect(service.hasSession('j')).toBe(false)
  })

  it('a late failure of an earlier session leaves the later one registered', async () => {
    const service = new StreamService()
    service.registerSession('j', { push: () => Promise.reject(new Error('gone')) })
    service.sendOutput('j', 'x')
    service.registerSession('j', recording())
    await new Promise((resolve) => setImmediate(resolve))
    expect(service.hasSession('j')).toBe(true)
  })

  it('the stream service works with a session of better-sse over a real socket', async () => {
    const service = new StreamService()
    const server = createServer(async (request, response) => {
      service.registerSession('j', await createSession(request, response))
      service.sendOutput('j', 'line\none')
      service.sendComplete('j', result)
      response.end()
    })
    server.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    const events: EventSourceMessage[] = []
    createParser({ onEvent: (event) => void events.push(event) }).feed(await answer.text())
    expect(events.map(({ event, data }) => [event, JSON.parse(data)])).toEqual([
      ['output', { line: 'line\none', timestamp: expect.any(Number), stream: 'stdout' }],
      ['complete', result],
    ])
  })
})
