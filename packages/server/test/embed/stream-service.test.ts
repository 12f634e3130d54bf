import { createSession } from 'better-sse'
import compression from 'compression'
import express from 'express'
import { expect, test } from 'vitest'
import { StreamService, type StreamSession } from '../../src/index.ts'
import { listen } from './host.ts'

function recorder(): StreamSession & { pushed: unknown[] } {
  const pushed: unknown[] = []
  return { pushed, push: (data, event) => pushed.push([event, data]) }
}

const finished = {
  jobId: 'a',
  toolId: 'hello',
  projectId: 'here',
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

test('a session gets the events of its job and of no other', () => {
  const service = new StreamService()
  const [a, b] = [recorder(), recorder()]
  service.registerSession('a', a)
  service.registerSession('b', b)
  service.sendOutput('a', 'one')
  service.sendComplete('a', finished)
  service.sendError('b', 'gone wrong')
  expect(a.pushed).toEqual([
    ['output', { line: 'one', timestamp: expect.any(Number), stream: 'stdout' }],
    ['complete', finished],
  ])
  expect(b.pushed).toEqual([['error', { message: 'gone wrong' }]])
  expect([service.hasSession('a'), service.activeSessionCount]).toEqual([true, 2])
  service.unregisterSession('a')
  expect([service.hasSession('a'), service.activeSessionCount]).toEqual([false, 1])
})

test('what is sent for a job without a session goes nowhere', () => {
  const service = new StreamService()
  service.sendOutput('nobody', 'line')
  service.sendComplete('nobody', finished)
  service.sendError('nobody', 'message')
  service.unregisterSession('nobody')
  expect(service.activeSessionCount).toBe(0)
})

test('the end of an earlier connection does not take the later one’s events away', () => {
  const service = new StreamService()
  const [earlier, later] = [recorder(), recorder()]
  service.registerSession('a', earlier)
  service.registerSession('a', later)
  service.unregisterSession('a', earlier)
  service.sendOutput('a', 'still here')
  expect(later.pushed).toHaveLength(1)
})

test('a session that throws, or rejects, is forgotten', async () => {
  const service = new StreamService()
  const broken = new Error('disconnected')
  service.registerSession('throws', {
    push: () => {
      throw broken
    },
  })
  service.registerSession('rejects', { push: () => Promise.reject(broken) })
  service.sendOutput('throws', 'line')
  service.sendOutput('rejects', 'line')
  await Promise.resolve()
  await Promise.resolve()
  expect(service.activeSessionCount).toBe(0)
})

test('a better-sse session behind compression() sends what it is given, and its end is noticed', async () => {
  const service = new StreamService()
  const app = express().use(compression())
  app.get('/jobs/:id', async (request, response) => {
    const session = await createSession(request, response)
    service.registerSession(request.params.id, session)
    session.once('disconnected', () => service.unregisterSession(request.params.id, session))
    service.sendOutput(request.params.id, 'two\nlines')
  })
  const { url } = await listen(app)
  const leave = new AbortController()
  const answer = await fetch(`${url}/jobs/a`, { signal: leave.signal })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes('\n\n')) text += (await reader?.read())?.value ?? ''
  expect(text).toMatch(/^event:\s?output$/m)
  expect(text).toContain('"line":"two\\nlines"')
  leave.abort()
  while (service.hasSession('a')) await new Promise(setImmediate)
  expect(service.activeSessionCount).toBe(0)
})
