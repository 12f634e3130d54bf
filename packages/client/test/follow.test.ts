/** Following against a server that does its worst. */
import { once } from 'node:events'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { ClientError } from '#errors'
import { type Followed, type FollowOptions, type FollowStatus, follow } from '#follow'
import {
  type Answer,
  cutting,
  frame,
  type HostileServer,
  hostileServer,
  jobLog,
  refusing,
  serving,
} from './support/hostile-server.ts'
import { HurriedClock } from './support/hurried-clock.ts'

let server: HostileServer
afterEach(() => server?.close())

const log = jobLog()

interface Seen {
  events: Followed[]
  statuses: FollowStatus[]
  clock: HurriedClock
  error?: unknown
}

/** Follows to the end, or to the error. */
async function followAll(options: FollowOptions = {}): Promise<Seen> {
  const clock = new HurriedClock()
  const seen: Seen = { events: [], statuses: [], clock }
  const onStatus = (status: FollowStatus) => seen.statuses.push(status)
  try {
    const connection = { url: server.url, token: 'a-made-up-token' }
    for await (const event of follow(connection, 'r1', { clock, onStatus, ...options }))
      seen.events.push(event)
  } catch (error) {
    seen.error = error
  }
  return seen
}

it('a whole log arrives once and in order, and then it is closed', async () => {
  server = await hostileServer([serving(log)])
  const { events, statuses, error } = await followAll()
  expect(error).toBeUndefined()
  expect(events).toEqual(log)
  expect(statuses).toEqual(['connecting', 'open', 'closed'])
  expect(server.requests[0]?.headers).toMatchObject({ authorization: 'Bearer a-made-up-token' })
})

it('a stream cut at any byte loses nothing and repeats nothing', async () => {
  server = await hostileServer()
  const bytes = Buffer.from(log.map(frame).join(''))
  for (let at = 0; at < bytes.length; at += 1) {
    const cut = serving(log, (whole, response) => {
      response.write(whole.subarray(0, at), () => response.destroy())
      if (at === 0) response.destroy()
    })
    server.answers = [cut, serving(log)]
    const { events, error } = await followAll()
    expect([at, error, events]).toEqual([at, undefined, log])
  }
}, 120_000)

it('bytes that arrive one by one, with CRLF for line ends, make the same events', async () => {
  const crlf: Answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Millrace-Epoch': 'e1' })
    const bytes = Buffer.from(log.map(frame).join('').replaceAll('\n', '\r\n'))
    const next = (at: number): void => {
      if (at === bytes.length) response.end()
      else response.write(bytes.subarray(at, at + 1), () => next(at + 1))
    }
    next(0)
  }
  server = await hostileServer([crlf, refusing(204)])
  expect((await followAll()).events).toEqual(log)
})

it('an event whose data arrives broken is asked for again and not lost', async () => {
  const broken = serving(log, (bytes, response) => {
    response.end(bytes.toString().replace('{"line":"línea 1', '{"line":línea 1'))
  })
  server = await hostileServer([broken, serving(log)])
  const { events, statuses, error } = await followAll()
  expect(error).toBeUndefined()
  expect(events).toEqual(log)
  expect(statuses).toEqual(['connecting', 'open', 'reconnecting', 'open', 'closed'])
})

it('a clean end before the terminal event is a lost connection, and the rest follows', async () => {
  const first = serving(log.slice(0, 2))
  server = await hostileServer([first, serving(log)])
  const { events, statuses } = await followAll()
  expect(events).toEqual(log)
  expect(statuses).toEqual(['connecting', 'open', 'reconnecting', 'open', 'closed'])
  expect(server.requests[1]?.headers).toMatchObject({ 'last-event-id': '2', 'millrace-epoch': 'e1' })
})

it('a proxy that cuts regularly is outlasted, however often it cuts', async () => {
  const long = jobLog(40)
  const oneByOne = serving(long, (bytes, response) => {
    const end = bytes.indexOf('\n\n') + 2
    response.write(bytes.subarray(0, end), () => response.destroy())
  })
  server = await hostileServer([oneByOne])
  const { events, error } = await followAll()
  expect(error).toBeUndefined()
  expect(events).toEqual(long)
})

it('after five failed attempts in a row it is given up', async () => {
  server = await hostileServer([cutting])
  const { error, statuses, clock } = await followAll()
  expect(error).toMatchObject({ name: 'ClientError', code: 'gave_up' })
  expect(server.requests.length).toBe(5)
  expect(statuses.at(-1)).toBe('failed')
  expect(clock.pauses).toEqual([500, 1000, 2000, 4000])
})

it('a success resets the count of failed attempts', async () => {
  const some = (n: number) =>
    serving(log.slice(0, n), (bytes, response) => response.write(bytes, () => response.destroy()))
  const fails = Array.from({ length: 4 }, () => cutting)
  server = await hostileServer([...fails, some(1), ...fails, some(2), ...fails, serving(log)])
  const { events, error } = await followAll()
  expect(error).toBeUndefined()
  expect(events).toEqual(log)
})

it.each([
  ['429 with seconds', refusing(429, { 'Retry-After': '7' }), 7000],
  ['503 with seconds', refusing(503, { 'Retry-After': '3' }), 3000],
  ['429 with a year', refusing(429, { 'Retry-After': '31536000' }), 300_000],
])('%s is waited for', async (_name, refusal, waitMs) => {
  server = await hostileServer([refusal, serving(log)])
  const pauses: number[] = []
  const clock = new HurriedClock()
  const after = clock.after.bind(clock)
  clock.after = (ms, callback) => {
    pauses.push(ms)
    return after(ms === waitMs ? 1 : ms, callback)
  }
  expect((await followAll({ clock })).events).toEqual(log)
  expect(pauses).toContain(waitMs)
})

it.each([400, 401, 403, 404, 409])('%i is final, and is not tried again', async (status) => {
  const problem = JSON.stringify({ code: 'not_found', detail: 'No run r1', retry: false })
  server = await hostileServer([refusing(status, { 'Content-Type': 'application/problem+json' }, problem)])
  const { error, statuses } = await followAll()
  expect(error).toMatchObject({ code: 'not_found', status, message: 'No run r1' })
  expect(server.requests.length).toBe(1)
  expect(statuses).toEqual(['connecting', 'failed'])
})

it('an error page of a proxy is named as what it is', async () => {
  const page = refusing(502, { 'Content-Type': 'text/html' }, '<html>Bad Gateway</html>')
  server = await hostileServer([page])
  const { error } = await followAll({ attempts: 1 })
  expect((error as ClientError).cause).toMatchObject({
    code: 'bad_answer',
    status: 502,
    message: 'The answer was 502 Bad Gateway with text/html, which is no answer of a Millrace server',
  })
})

it('a good status with a page instead of a stream is not taken for a stream', async () => {
  const portal = refusing(200, { 'Content-Type': 'text/html' }, 'id: 1\nevent: output\ndata: {}\n\n')
  server = await hostileServer([portal, serving(log)])
  expect((await followAll()).events).toEqual(log)
})

it('a redirect is not followed, so that no token leaves for another place', async () => {
  server = await hostileServer([refusing(302, { Location: 'http://127.0.0.1:1/elsewhere' })])
  expect((await followAll({ attempts: 0 })).error).toBeInstanceOf(ClientError)
  expect(server.requests.length).toBe(1)
})

it('a connection that falls silent is given up, and the rest comes over another one', async () => {
  const silent = serving(log.slice(0, 2), (bytes, response) => response.write(bytes))
  server = await hostileServer([silent, serving(log)])
  const clock = new HurriedClock()
  const events: Followed[] = []
  for await (const event of follow({ url: server.url }, 'r1', { clock })) {
    events.push(event)
    // A tab that was asleep: the clock has jumped, and the connection is dead without a word.
    if (event.seq === 2) setImmediate(() => clock.sleepAnHour())
  }
  expect(events).toEqual(log)
  expect(server.requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '5'])
})

it('a reset is passed on, and the log follows from its first kept event', async () => {
  const reset = { reason: 'pruned', firstSeq: 3, head: 5 }
  const pruned: Answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Millrace-Epoch': 'e1' })
    response.end(`event: reset\ndata: ${JSON.stringify(reset)}\n\n${log.slice(2).map(frame).join('')}`)
  }
  server = await hostileServer([pruned, refusing(204)])
  const resets: unknown[] = []
  const { events } = await followAll({ after: 1, onReset: (data) => resets.push(data) })
  expect(events).toEqual([{ seq: null, type: 'reset', data: reset }, ...log.slice(2)])
  expect(resets).toEqual([reset])
})

it('after an epoch change the events of the new log are not taken for ones already seen', async () => {
  const first = serving(log.slice(0, 3), (bytes, response) => response.write(bytes, () => response.destroy()))
  const changed: Answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Millrace-Epoch': 'e2' })
    const data = JSON.stringify({ reason: 'epoch', firstSeq: 1, head: 5 })
    response.end(`event: reset\ndata: ${data}\n\n${log.map(frame).join('')}`)
  }
  server = await hostileServer([first, changed, refusing(204)])
  const { events } = await followAll()
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, null, 1, 2, 3, 4, 5])
  expect(server.requests.map(({ headers }) => headers['millrace-epoch'])).toEqual([undefined, 'e1', 'e2'])
})

it('with callbacks it begins at once, and after it failed a retry continues where it was', async () => {
  const part = serving(log.slice(0, 2), (bytes, response) => response.write(bytes, () => response.destroy()))
  server = await hostileServer([part, cutting])
  const seen: number[] = []
  const statuses: FollowStatus[] = []
  await new Promise<void>((finished) => {
    const following = follow({ url: server.url }, 'r1', {
      clock: new HurriedClock(),
      attempts: 2,
      onEvent: ({ seq }) => void seen.push(seq),
      onStatus: (status) => {
        statuses.push(status)
        if (status === 'failed') {
          server.answers = [serving(log)]
          setImmediate(() => following.retry())
        }
        if (status === 'closed') finished()
      },
    })
  })
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(statuses).toEqual(['connecting', 'open', 'reconnecting', 'failed', 'reconnecting', 'open', 'closed'])
})

it('a caller that leaves closes the connection, and no attempt follows', async () => {
  let closed: Promise<unknown> = Promise.resolve()
  const open: Answer = (request, response) => {
    closed = once(request.socket, 'close')
    serving(log.slice(0, 2), (bytes, out) => out.write(bytes))(request, response)
  }
  server = await hostileServer([open])
  const following = follow({ url: server.url }, 'r1', { clock: new HurriedClock() })
  for await (const { seq } of following) if (seq === 2) break
  await closed
  expect(following.status).toBe('closed')
  expect(server.requests.length).toBe(1)
})

it('a server that takes the request and never answers is given up like one that falls silent', async () => {
  const clock = new HurriedClock()
  const dead: Answer = () => clock.sleepAnHour()
  const stuck: Answer = (_request, response) => {
    response.writeHead(503, { 'Content-Type': 'application/problem+json' })
    response.write('{"code":', () => setImmediate(() => clock.sleepAnHour()))
  }
  server = await hostileServer([dead, stuck, serving(log)])
  const { events, error, statuses } = await followAll({ clock })
  expect([error, events]).toEqual([undefined, log])
  expect(statuses).toEqual(['connecting', 'reconnecting', 'open', 'closed'])
})

it.each(['null', '{}', '{"firstSeq":"3"}', '{"firstSeq":-1}', '{"firstSeq":1e400}', '[]'])(
  'a reset that arrives broken (%s) is asked for again, and no event is lost or repeated',
  async (data) => {
    const broken: Answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.end(`event: reset\ndata: ${data}\n\n${log.map(frame).join('')}`)
    }
    const first = serving(log.slice(0, 2))
    server = await hostileServer([first, broken, serving(log)])
    const { events, error } = await followAll()
    expect([error, events]).toEqual([undefined, log])
    expect(server.requests[2]?.headers).toMatchObject({ 'last-event-id': '2' })
  },
)

it('a token that cannot be had for a moment is asked for again', async () => {
  server = await hostileServer([serving(log)])
  let asked = 0
  const token = () => {
    asked += 1
    if (asked === 1) throw new Error('the vault is closed')
    return asked === 2 ? Promise.reject(new Error('the vault is closed')) : 'a-made-up-token'
  }
  const events: Followed[] = []
  const errors: unknown[] = []
  const onStatus: FollowOptions['onStatus'] = (_status, error) => void (error && errors.push(error.message))
  for await (const event of follow({ url: server.url, token }, 'r1', { clock: new HurriedClock(), onStatus }))
    events.push(event)
  expect(events).toEqual(log)
  expect(errors).toEqual(['The request could not be made: the vault is closed'])
})

it('a caller that has left before the start sees nothing but the end', async () => {
  const statuses: FollowStatus[] = []
  const options: FollowOptions = {
    signal: AbortSignal.abort(),
    onStatus: (status) => void statuses.push(status),
  }
  follow({ url: 'http://127.0.0.1:1' }, 'r1', { ...options, onEvent: () => {} })
  expect(statuses.splice(0)).toEqual(['closed'])
  for await (const event of follow({ url: 'http://127.0.0.1:1' }, 'r1', options)) expect(event).toBeNull()
  expect(statuses).toEqual(['closed'])
})

it('a callback that throws ends the following, and the runtime reports the error', async () => {
  server = await hostileServer([serving(log)])
  const reported = new Promise<unknown>((resolve) => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').once('uncaughtException', (error) => {
      for (const other of others) process.on('uncaughtException', other)
      resolve(error)
    })
  })
  const seen: number[] = []
  const statuses: FollowStatus[] = []
  follow({ url: server.url }, 'r1', {
    clock: new HurriedClock(),
    onStatus: (status) => void statuses.push(status),
    onEvent: ({ seq }) => {
      seen.push(seq)
      if (seq === 2) throw new Error('the page is gone')
    },
  })
  expect(await reported).toMatchObject({ message: 'the page is gone' })
  expect([seen, statuses]).toEqual([
    [1, 2],
    ['connecting', 'open', 'closed'],
  ])
})

it('retry() takes no event from a caller that iterates', async () => {
  server = await hostileServer([cutting])
  const following = follow({ url: server.url }, 'r1', { clock: new HurriedClock(), attempts: 1 })
  const read = async () => {
    const events: Followed[] = []
    for await (const event of following) events.push(event)
    return events
  }
  await expect(read()).rejects.toMatchObject({ code: 'gave_up' })
  server.answers = [serving(log)]
  following.retry()
  expect(await read()).toEqual(log)
})

it('a signal ends it, also between two attempts', async () => {
  server = await hostileServer([cutting])
  const abort = new AbortController()
  const onStatus = (status: FollowStatus) => status === 'reconnecting' && abort.abort()
  const statuses: FollowStatus[] = []
  for await (const _ of follow({ url: server.url }, 'r1', {
    clock: new HurriedClock(),
    signal: abort.signal,
    onStatus: (status) => {
      statuses.push(status)
      onStatus(status)
    },
  })) {
    // Nothing arrives.
  }
  expect(statuses).toEqual(['connecting', 'reconnecting', 'closed'])
})

it('whatever the chunks and cuts are, every event arrives exactly once', async () => {
  server = await hostileServer()
  const story = jobLog(12)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 8 }), fc.boolean(), async (cuts, clean) => {
      server.answers = [
        ...cuts.map((at) =>
          serving(story, (bytes, response) => {
            const part = bytes.subarray(0, at)
            if (clean) response.end(part)
            else response.write(part, () => response.destroy())
          }),
        ),
        serving(story),
      ]
      const { events, error } = await followAll({ attempts: 20 })
      expect([error, events]).toEqual([undefined, story])
    }),
    { numRuns: process.env.MILLRACE_TEST_FULL ? 300 : 25 },
  )
}, 120_000)
