/**
 * Following one job with three real clients: curl, the EventSource of npm, the EventSource of Chromium.
 * The job says ten lines, waits for a file of its project, and says ten more.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEvent, Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { followToEnd } from '@millrace/test-support/jobs'
import type { ReceivedEvent } from '@millrace/test-support/received'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { framesOf, idOf } from '@millrace/test-support/sse'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Curl, curl } from './support/curl.ts'
import {
  type EventSourceFollower,
  type FollowingBrowser,
  followWithPackage,
  openFollowingBrowser,
} from './support/event-source.ts'
import { type CountingProxy, startProxy } from './support/proxy.ts'

/** Lines that would be fields, comments or frames of the stream, if a client's text could get there. */
const hostile = ['id: 99', 'data: {}', ': comment', 'event: complete', '', 'ünï€😀', 'a\\u2028b', 'retry: 1']
const script = `
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
const gate = process.argv[2]
const say = async (part) => {
  for (let n = 1; n <= 10; n++) { console.log(part, n); await sleep(10) }
}
for (const line of ${JSON.stringify(hostile)}) console.log(line)
await say('first')
while (!existsSync(gate)) await sleep(10)
await say('second')
`
/** Two lifecycle events, the hostile lines and ten more are there before the gate is opened. */
const beforeGate = 2 + hostile.length + 10
const total = beforeGate + 10 + 1
const last = String(total)
const middle = '7'

const scratch = scratchFolder()
const project = join(scratch.path, 'web')
let server: ServerProcess
let browser: FollowingBrowser
/** One proxy a client, so that each one's requests are counted by themselves. */
let packageProxy: CountingProxy
let browserProxy: CountingProxy

beforeAll(async () => {
  for (const folder of ['web', 'data']) mkdirSync(join(scratch.path, folder))
  writeFileSync(join(project, 'talk.mjs'), script)
  server = await startServer({
    cwd: scratch.path,
    dataDir: join(scratch.path, 'data'),
    config: {
      projects: { web: { path: project } },
      tools: { talk: { command: ['node', 'talk.mjs', '{gate}'], args: { gate: { required: true } } } },
      limits: { startsPerMinute: 10_000 },
    },
  })
  ;[packageProxy, browserProxy, browser] = await Promise.all([
    startProxy(server.url),
    startProxy(server.url),
    openFollowingBrowser(),
  ])
  const login = await server.json<{ url: string }>('/api/login-codes', { method: 'POST' })
  await browser.logIn(login.url.replace(server.url, browserProxy.url))
})

afterAll(async () => {
  for (const close of closers) close()
  await browser?.close()
  await Promise.all([packageProxy?.close(), browserProxy?.close(), server?.end()])
  scratch.dispose()
})

interface Job {
  id: string
  path: string
  /** Lets it say the rest. */
  open: () => void
}

async function startTalk(): Promise<Job> {
  const gate = `gate-${randomUUID()}`
  const { run } = await server.json<{ run: Run }>(
    '/api/runs',
    post({ kind: 'job', project: 'web', tool: 'talk', args: { gate } }),
  )
  return { id: run.id, path: `/api/stream/${run.id}`, open: () => writeFileSync(join(project, gate), '') }
}

async function finishedTalk(): Promise<Job> {
  const job = await startTalk()
  job.open()
  await followToEnd(server, job.id)
  return job
}

function curlTo(job: Job, headers: Record<string, string> = {}, query = ''): Curl {
  return curl(`${server.url}${job.path}${query}`, server.token, headers)
}

async function framesTo(job: Job, headers: Record<string, string> = {}, query = ''): Promise<string[]> {
  const client = curlTo(job, headers, query)
  expect(await client.over).toEqual({ code: 0, status: 200 })
  return client.frames()
}

/** The log as the JSON pages give it, written as an EventSource would see it. */
async function logOf(job: Job): Promise<ReceivedEvent[]> {
  const page = await server.json<{ events: LogEvent[]; closed: boolean }>(`/api/runs/${job.id}/events`, {
    headers: { Accept: 'application/json' },
  })
  expect(page.closed).toBe(true)
  return page.events.map(({ seq, type, data }) => ({ id: String(seq), type, data: JSON.stringify(data) }))
}

function parsed(frames: string[]): ReceivedEvent[] {
  return frames.map((frame) => {
    const [, id, type, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(frame) ?? []
    return { id, type: type ?? '', data: data ?? '' }
  })
}

const hasId = (id: string) => (event: ReceivedEvent) => event.id === id
const isTerminal = ({ type }: ReceivedEvent) => type === 'complete'

const closers: (() => void)[] = []

async function eventSources(job: Job, query = ''): Promise<EventSourceFollower[]> {
  const fromPackage = followWithPackage(`${packageProxy.url}${job.path}${query}`, server.token)
  closers.push(fromPackage.close)
  return [fromPackage, await browser.follow(`${job.path}${query}`)]
}

describe('a job', () => {
  it('a job is seen live and whole from its start, and each EventSource stops by itself after the end', async () => {
    const job = await startTalk()
    const clients = await eventSources(job)
    const [one, two] = [curlTo(job), curlTo(job)]
    // The job prints no more before the gate opens: these events arrived live.
    await Promise.all([one, two].map((client) => client.untilFrames(beforeGate)))
    await Promise.all(clients.map((client) => client.until(hasId(String(beforeGate)))))
    expect(one.frames()).toHaveLength(beforeGate)
    job.open()

    expect(await one.over).toEqual({ code: 0, status: 200 })
    expect(await two.over).toEqual({ code: 0, status: 200 })
    expect(one.frames()).toHaveLength(total)
    expect(two.frames()).toEqual(one.frames())
    const log = await logOf(job)
    expect(parsed(one.frames())).toEqual(log)

    await Promise.all(clients.map((client) => client.stopped))
    for (const client of clients) expect(client.events).toEqual(log)
    // Longer than either waits before it tries again.
    await sleep(4000)
    for (const proxy of [packageProxy, browserProxy]) {
      expect(proxy.requests(job.path).map(({ lastEventId }) => lastEventId)).toEqual([undefined, last])
    }
  })

  it('a client whose connection breaks resumes exactly after the last event it saw', async () => {
    const job = await startTalk()
    const clients = await eventSources(job)
    const interrupted = curl(`${packageProxy.url}${job.path}`, server.token)
    await interrupted.untilFrames(beforeGate)
    await Promise.all(clients.map((client) => client.until(hasId(String(beforeGate)))))
    packageProxy.cut()
    browserProxy.cut()
    expect((await interrupted.over).code).not.toBe(0)

    const seen = interrupted.frames()
    const resumed = curlTo(job, { 'Last-Event-ID': idOf(seen.at(-1) ?? '') ?? '' })
    const fromMiddle = curlTo(job, { 'Last-Event-ID': middle })
    await fromMiddle.untilFrames(beforeGate - Number(middle))
    job.open()
    await Promise.all(clients.map((client) => client.until(isTerminal)))
    await Promise.all([resumed.over, fromMiddle.over])

    const log = await logOf(job)
    for (const client of clients) expect(client.events).toEqual(log)
    expect(parsed([...seen, ...resumed.frames()])).toEqual(log)
    expect(parsed(fromMiddle.frames())).toEqual(log.slice(Number(middle)))
    for (const proxy of [packageProxy, browserProxy]) {
      const ids = proxy.requests(job.path).flatMap(({ lastEventId }) => lastEventId ?? [])
      expect(ids[0]).toBe(String(beforeGate))
    }
  })

  it('a job has identical bytes for identical cursors: live, late, and on every face', async () => {
    const job = await startTalk()
    const cursors = ['', '0', '1', '5', middle, String(beforeGate - 1), String(beforeGate)]
    const native = { ...job, path: `/api/runs/${job.id}/events` }
    const follow = (cursor: string) => [job, native].map((face) => curlTo(face, { 'Last-Event-ID': cursor }))
    // A cursor that runs ahead of the log is another claim.
    await curlTo(job).untilFrames(beforeGate)
    const live = cursors.map(follow)
    await Promise.all(
      live.map(([client], index) => client?.untilFrames(beforeGate - Number(cursors[index])) ?? null),
    )
    job.open()
    await Promise.all(live.flat().map((client) => client.over))
    const late = cursors.map(follow)
    await Promise.all(late.flat().map((client) => client.over))
    for (const [index, cursor] of cursors.entries()) {
      const clients = [...(live[index] ?? []), ...(late[index] ?? [])]
      const texts = clients.map((client) => withoutComments(client.bytes()))
      expect(framesOf(Buffer.from(texts[0] ?? ''))).toHaveLength(total - Number(cursor))
      expect(new Set(texts).size).toBe(1)
    }
  })
})

// Both wait for the three seconds after which an EventSource comes back.
describe.concurrent('a job that is over', () => {
  it('a finished job gives the same from any cursor, and stops a client that has everything', async () => {
    const job = await finishedTalk()
    const [fromStart, fromMiddle] = [await eventSources(job), await eventSources(job, `?after=${middle}`)]
    const log = await logOf(job)
    const [whole, rest, byQuery, headerWins, over] = [
      await framesTo(job),
      await framesTo(job, { 'Last-Event-ID': middle }),
      await framesTo(job, {}, `?after=${middle}`),
      await framesTo(job, { 'Last-Event-ID': middle }, '?lastEventId=3'),
      curlTo(job, { 'Last-Event-ID': last }),
    ]
    expect(parsed(whole)).toEqual(log)
    expect(rest).toEqual(whole.slice(Number(middle)))
    expect(byQuery).toEqual(rest)
    expect(headerWins).toEqual(rest)
    expect(await over.over).toEqual({ code: 0, status: 204 })
    expect(over.bytes()).toHaveLength(0)

    const all = [...fromStart, ...fromMiddle]
    await Promise.all(all.map((client) => client.stopped))
    for (const client of fromStart) expect(client.events).toEqual(log)
    for (const client of fromMiddle) expect(client.events).toEqual(log.slice(Number(middle)))
  })

  it('an EventSource with a cursor ahead of the log is reset once, receives the log, and stops', async () => {
    const job = await finishedTalk()
    const clients = await eventSources(job, '?after=9999')
    await Promise.all(clients.map((client) => client.stopped))
    const log = await logOf(job)
    const data = JSON.stringify({ reason: 'ahead', firstSeq: 1, head: total })
    for (const client of clients) {
      expect(client.events).toEqual([{ id: undefined, type: 'reset', data }, ...log])
    }
  })
})

describe('a filter', () => {
  it('a filter lets the named types and the terminal event through, under their own ids', async () => {
    const job = await startTalk()
    const queries = ['?types=run:started', '?types=run:queued,run:started', '?types=nothing', '?types=output']
    const live = queries.map((query) => curlTo(job, {}, query))
    await live[0]?.untilFrames(1)
    await live[3]?.untilFrames(beforeGate - 2)
    job.open()
    await Promise.all(live.map((client) => client.over))
    const log = await logOf(job)
    for (const [index, query] of queries.entries()) {
      const types = query.slice('?types='.length).split(',')
      const expected = log.filter(({ type }) => types.includes(type) || type === 'complete')
      expect(parsed(live[index]?.frames() ?? [])).toEqual(expected)
      expect(await framesTo(job, {}, query)).toEqual(live[index]?.frames())
    }
  })

  it('a filter still holds after a resume, and lets a reset through', async () => {
    const job = await finishedTalk()
    const log = await logOf(job)
    const resumed = await framesTo(job, { 'Last-Event-ID': middle }, '?types=run:started')
    expect(parsed(resumed)).toEqual(log.filter(isTerminal))
    const [reset, ...rest] = await framesTo(job, { 'Last-Event-ID': '999' }, '?types=run:started')
    expect(reset).toMatch(/^event: reset\n/)
    expect(parsed(rest)).toEqual(log.filter(({ type }) => type === 'run:started' || type === 'complete'))
  })
})

describe('a cursor that cannot be served', () => {
  const cases: [string, Record<string, string>, string, string][] = [
    ['of another epoch', { 'Last-Event-ID': '3', 'Millrace-Epoch': randomUUID() }, '', 'epoch'],
    ['of another epoch, in the query', {}, `?after=3&epoch=${randomUUID()}`, 'epoch'],
    ['ahead of the log', { 'Last-Event-ID': '9999' }, '', 'ahead'],
    ['that is not a number', { 'Last-Event-ID': 'x' }, '', 'invalid'],
    ['that is negative', {}, '?after=-1', 'invalid'],
  ]

  it.each(cases)(
    'a cursor %s gets a reset and then the whole log, live and late',
    async (_what, headers, query, reason) => {
      const job = await startTalk()
      const whole = curlTo(job)
      await whole.untilFrames(beforeGate)
      const live = curlTo(job, headers, query)
      await live.untilFrames(1 + beforeGate)
      job.open()
      expect(await live.over).toEqual({ code: 0, status: 200 })
      await whole.over
      const late = await framesTo(job, headers, query)
      const resetAt = (head: number) => `event: reset\ndata: ${JSON.stringify({ reason, firstSeq: 1, head })}`
      expect(live.frames()).toEqual([resetAt(beforeGate), ...whole.frames()])
      expect(late).toEqual([resetAt(total), ...whole.frames()])
    },
  )

  it('a cursor of the log’s own epoch is served', async () => {
    const job = await finishedTalk()
    const head = await server.call(job.path, { method: 'HEAD' })
    const epoch = head.headers.get('millrace-epoch') ?? ''
    expect(head.headers.get('millrace-head')).toBe(last)
    const whole = await framesTo(job)
    expect(await framesTo(job, { 'Last-Event-ID': middle, 'Millrace-Epoch': epoch })).toEqual(
      whole.slice(Number(middle)),
    )
  })
})

function withoutComments(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/^:.*\n\n/gm, '')
}
