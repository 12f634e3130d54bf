/** Realtime inside a host application: publish, hooks, and the face behind Express and its middleware. */
import type { Run } from '@millrace/protocol'
import compression from 'compression'
import express from 'express'
import { expect, test } from 'vitest'
import { open } from '#test/delivery/support/sse-client'
import { job, listen, millraceIn, post, userOf } from './host.ts'

test('hooks report every run: created, updated, finished once, also in a start after a stop', async () => {
  const millrace = millraceIn()
  const told: [string, string, string][] = []
  const listener = (hook: string) => (run: Run) => {
    told.push([hook, run.id, run.state])
    // It must not affect other listeners.
    if (hook === 'created') throw new Error('a listener that fails')
    return hook === 'updated' ? Promise.reject(new Error('and one that rejects')) : undefined
  }
  millrace.realtime.onRunCreated(listener('created'))
  millrace.realtime.onRunUpdated(listener('updated'))
  const stop = millrace.realtime.onRunFinished(listener('finished'))
  for (let start = 0; start < 2; start++) {
    await millrace.start()
    const { id } = await millrace.runs.start(job('hello'), { user: `user${start}` })
    await expect.poll(() => told.filter(([hook, run]) => hook === 'finished' && run === id)).toHaveLength(1)
    const of = told.filter(([, run]) => run === id)
    expect([of[0]?.[0], of.at(-1)?.[0], of.at(-1)?.[2]]).toEqual(['created', 'finished', 'completed'])
    await millrace.stop()
    expect(told.filter(([hook, run]) => hook === 'finished' && run === id)).toHaveLength(1)
  }
  stop()
  await millrace.start()
  const { id } = await millrace.runs.start(job('wait'))
  await expect
    .poll(() => told.some(([hook, run, state]) => hook === 'updated' && run === id && state === 'running'))
    .toBe(true)
  await millrace.stop()
  expect(told.filter(([hook, run]) => hook === 'finished' && run === id)).toEqual([])
})

test('a run that a stop interrupts is reported as finished before the stop is over', async () => {
  const millrace = millraceIn()
  const finished: string[] = []
  millrace.realtime.onRunFinished(({ state }) => finished.push(state))
  await millrace.start()
  await millrace.runs.start(job('wait'))
  await expect.poll(async () => (await millrace.runs.list()).runs[0]?.state).toBe('running')
  await millrace.stop()
  expect(finished).toEqual(['interrupted'])
})

test('a connection that fails while it opens takes no place', async () => {
  const millrace = millraceIn({ principal: userOf }, { limits: { streamsPerAddress: 1 } })
  await millrace.start()
  const app = express()
  app.use((request, response, next) => {
    // Like a middleware that objects to the headers when they are about to be sent.
    if (request.headers['x-fail'] !== undefined) {
      response.flushHeaders = () => {
        throw new Error('no headers today')
      }
    }
    next()
  })
  app.use(millrace.express())
  const { url } = await listen(app)
  expect((await open(`${url}/api/realtime`, { headers: { 'x-fail': '1' } })).status).toBe(500)
  const stream = await open(`${url}/api/realtime`)
  expect(stream.status).toBe(200)
  expect((await open(`${url}/api/realtime`)).status).toBe(429)
})

test('publish reaches the subscribers of the topic, through Express and compression, as the application’s users', async () => {
  const millrace = millraceIn({ principal: userOf }, { realtime: { publicTopics: ['news'] } })
  await expect(millrace.realtime.publish('news', 1)).rejects.toMatchObject({ code: 'draining' })
  await millrace.start()
  const app = express()
  app.use(compression(), express.json())
  app.use('/deep/millrace', millrace.express())
  const { url } = await listen(app)
  const base = `${url}/deep/millrace/api/realtime`
  const stream = await open(base, { headers: { 'accept-encoding': 'gzip' } })
  await stream.until(({ frames }) => frames.length > 0)
  const clientId = stream.frames[0]?.id
  const subscriptions = ['news', 'ours', 'runs/*']
  expect((await fetch(base, post({ clientId, subscriptions }, { 'x-user': 'ada' }))).status).toBe(204)
  expect((await fetch(base, post({ clientId, subscriptions }, { 'x-user': 'eve' }))).status).toBe(403)
  expect((await fetch(`${base}/publish`, post({ topic: 'ours' }, { 'x-user': 'ada' }))).status).toBe(403)

  await expect(millrace.realtime.publish('runs/*', 1)).rejects.toMatchObject({ code: 'invalid_request' })
  await expect(millrace.realtime.publish('ours', 1n)).rejects.toBeInstanceOf(TypeError)
  await millrace.realtime.publish('ours', { for: 'ada' })
  await millrace.realtime.publish('news', undefined)
  await millrace.runs.start(job('hello'), 'eve')
  const { id } = await millrace.runs.start(job('hello'), 'ada')
  await stream.until(({ text }) => text.includes('"state":"completed"'))
  const seen = stream.frames.map(({ event, data }) => [event, JSON.parse(data)] as const)
  expect(seen.filter(([event]) => event !== 'runs/*').slice(1)).toEqual([
    ['ours', { for: 'ada' }],
    ['news', null],
  ])
  const runs = seen.filter(([event]) => event === 'runs/*').map(([, data]) => data.record.id)
  expect(new Set(runs)).toEqual(new Set([id]))
  await millrace.stop()
  await stream.end()
  expect(stream.ended).toBe(true)
})
