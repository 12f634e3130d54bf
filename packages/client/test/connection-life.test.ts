/** How long a following tries, and what ends it. */
import { afterEach, expect, it } from 'vitest'
import { createClient } from '#client'
import { type FollowStatus, follow } from '#follow'
import { cutting, type HostileServer, hostileServer, jobLog, serving } from './support/hostile-server.ts'
import { HurriedClock } from './support/hurried-clock.ts'

let server: HostileServer
afterEach(() => server?.close())

const log = jobLog()

it('a retry() from within the notification of a failure continues the following', async () => {
  server = await hostileServer([cutting])
  const statuses: FollowStatus[] = []
  const seen: number[] = []
  await new Promise<void>((finished) => {
    const following = follow({ url: server.url }, 'r1', {
      clock: new HurriedClock(),
      attempts: 1,
      onEvent: ({ seq }) => void seen.push(seq),
      onStatus: (status) => {
        statuses.push(status)
        if (status === 'closed') finished()
        if (status !== 'failed') return
        server.answers = [serving(log)]
        following.retry()
      },
    })
  })
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(statuses).toEqual(['connecting', 'failed', 'reconnecting', 'open', 'closed'])
})

it('a stream that delivers the terminal event resets the count of failed attempts', async () => {
  server = await hostileServer([cutting, serving(log), cutting, serving(log)])
  const seen: unknown[] = []
  const options = { clock: new HurriedClock(), attempts: 2 }
  for await (const event of follow({ url: server.url }, 'r1', options)) seen.push(event)
  expect(seen).toEqual(log)
})

it('a following that is closed twice announces it once', () => {
  const statuses: FollowStatus[] = []
  const following = follow({ url: 'http://127.0.0.1:1' }, 'r1', {
    signal: AbortSignal.abort(),
    onStatus: (status) => void statuses.push(status),
  })
  following.close()
  following.close()
  expect(statuses).toEqual(['closed'])
})

it('a proxy that cuts an idle stream before each heartbeat is outlasted', async () => {
  const clock = new HurriedClock()
  let cut = () => {}
  const idle = serving(log, (_bytes, response) => {
    response.flushHeaders()
    cut = () => void response.end()
  })
  server = await hostileServer([idle, idle, idle, serving(log)])
  const onStatus = (status: FollowStatus) => {
    if (status !== 'open') return
    clock.pass(10_000)
    cut()
  }
  const seen: unknown[] = []
  for await (const event of follow({ url: server.url }, 'r1', { clock, attempts: 3, onStatus }))
    seen.push(event)
  expect(seen).toEqual(log)
})

it('a proxy that cuts each stream after its head is given up', async () => {
  server = await hostileServer([serving(log, (_bytes, response) => response.end())])
  const following = follow({ url: server.url }, 'r1', { clock: new HurriedClock() })
  await expect(following[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'gave_up' })
  expect(server.requests).toHaveLength(5)
})

it('a signal ends a call and a following that wait for a token', { timeout: 2000 }, async () => {
  const token = () => new Promise<string>(() => {})
  const connection = { url: 'http://127.0.0.1:1', token }
  const leave = new AbortController()
  const call = createClient(connection).get('r1', { signal: leave.signal })
  const events = follow(connection, 'r1', { signal: leave.signal })[Symbol.asyncIterator]().next()
  setImmediate(() => leave.abort(new Error('enough')))
  await expect(call).rejects.toThrow('enough')
  expect(await events).toEqual({ done: true, value: undefined })
})
