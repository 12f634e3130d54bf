import { createSession } from 'better-sse'
import compression from 'compression'
import express from 'express'
import { expect, test } from 'vitest'
import { StreamService } from '#index'
import { listen } from './host.ts'

test('a better-sse session behind compression() sends its events, and its end is noticed', async () => {
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
