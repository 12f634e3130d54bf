import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LogEvent, Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { followJob, followToEnd, gather, runOf, startJob, untilLine } from '@millrace/test-support/jobs'
import { processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const scratch = scratchFolder()
const mark = `mark-${randomUUID()}`
const bash = (script: string) => ({ command: ['bash', '-c', `${script} # ${mark}`] })
const tools = {
  red: bash('for i in {1..300}; do echo red $i; done'),
  blue: bash('for i in {1..300}; do echo blue $i; echo blue $i >&2; done'),
  quick: bash('echo quick'),
  fails: bash('echo fails; exit 3'),
  waits: bash('echo up; sleep 600'),
  // Children that leave its process group, and one that does not mind SIGTERM.
  family: bash("setsid sleep 600 & (trap '' TERM; sleep 601 & wait) & echo up; wait"),
}

/** A server with this many places for jobs, and a project of its own. */
async function startWith(places: number): Promise<ServerProcess> {
  const root = join(scratch.path, randomUUID())
  for (const folder of ['web', 'data']) mkdirSync(join(root, folder), { recursive: true })
  return startServer({
    cwd: root,
    dataDir: join(root, 'data'),
    config: {
      projects: { web: { path: join(root, 'web') } },
      tools,
      concurrency: { job: places },
      limits: { startsPerMinute: 10_000 },
    },
  })
}

interface QueueStatus {
  concurrency: number
  running: number
  pending: number
  completed: number
  failed: number
  averageDurationMs: number
}

async function queueStatus(server: ServerProcess): Promise<QueueStatus> {
  return (await server.json<{ data: QueueStatus }>('/api/queue/status')).data
}

let one: ServerProcess
let three: ServerProcess
const releases: (() => unknown)[] = [scratch.dispose]
beforeAll(async () => {
  one = await startWith(1)
  releases.push(() => one.end())
  three = await startWith(3)
  releases.push(() => three.end())
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})

describe('the queue', () => {
  it('the queue runs fifty jobs one after the other in their order, and counts them right at every moment', async () => {
    expect(await queueStatus(one)).toEqual({
      concurrency: 1,
      running: 0,
      pending: 0,
      completed: 0,
      failed: 0,
      averageDurationMs: 0,
    })
    const gate = await startJob(one, 'waits')
    await untilLine(one, gate, 'up')
    const ids: string[] = []
    for (let n = 0; n < 50; n++) ids.push(await startJob(one, n % 5 === 0 ? 'fails' : 'quick'))
    expect(await queueStatus(one)).toMatchObject({ running: 1, pending: 50, completed: 0, failed: 0 })

    await one.call(`/api/runs/${gate}/abort`, { method: 'POST' })
    let last = await queueStatus(one)
    while (last.completed + last.failed < 51) {
      const now = await queueStatus(one)
      expect(now.running).toBeLessThanOrEqual(1)
      expect(now.running + now.pending + now.completed + now.failed).toBe(51)
      expect(now.completed + now.failed).toBeGreaterThanOrEqual(last.completed + last.failed)
      last = now
    }
    // As the states say it: a process that ended with any code is completed, the aborted one is not.
    expect(last).toMatchObject({ running: 0, pending: 0, completed: 50, failed: 1 })
    expect(last.averageDurationMs).toBeGreaterThan(0)

    const runs = await Promise.all(ids.map((id) => runOf(one, id)))
    for (const [index, run] of runs.entries()) {
      const before = runs[index - 1]
      if (before !== undefined) expect(run.startedAt).toBeGreaterThanOrEqual(before.finishedAt ?? Infinity)
    }
  })

  it('the queue runs as many at once as configured, and never one more', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => startJob(three, 'waits')))
    await until(async () => (await queueStatus(three)).running === 3)
    expect(await queueStatus(three)).toMatchObject({ concurrency: 3, running: 3, pending: 2 })
    expect((await three.json<{ runs: Run[] }>('/api/runs?state=queued')).runs).toHaveLength(2)
    for (const id of ids) {
      await three.call(`/api/runs/${id}/abort`, { method: 'POST' })
      expect((await queueStatus(three)).running).toBeLessThanOrEqual(3)
    }
    await until(async () => (await queueStatus(three)).running === 0)
  })

  it('two jobs that run at once never mix their output', async () => {
    const ids = await Promise.all(['red', 'blue', 'red', 'blue'].map((tool) => startJob(three, tool)))
    const [red, blue, red2, blue2] = await Promise.all(ids.map((id) => followToEnd(three, id)))
    const numbered = (name: string) => Array.from({ length: 300 }, (_, n) => `${name} ${n + 1}`)
    expect(red?.lines).toEqual(numbered('red'))
    expect(red2?.lines).toEqual(numbered('red'))
    for (const followed of [blue, blue2]) {
      for (const stream of ['stdout', 'stderr']) {
        const events = followed?.events.filter(({ data }) => data.stream === stream)
        expect(events?.map(({ data }) => data.line)).toEqual(numbered('blue'))
      }
    }
    for (const [index, followed] of [red, blue, red2, blue2].entries()) {
      expect(followed?.events.at(-1)).toMatchObject({ type: 'complete', data: { jobId: ids[index] } })
      expect(followed?.events.map(({ id }) => Number(id))).toEqual(followed?.events.map((_, n) => n + 1))
    }
  })

  it('a follower that connects late, twice, or after the end receives every byte', async () => {
    const id = await startJob(three, 'blue')
    const first = gather(await followJob(three, id))
    await untilLine(three, id, 'blue 100')
    const [late, twice] = [gather(await followJob(three, id)), gather(await followJob(three, id))]
    const { bytes, events, over } = await first
    expect(over).toBe('end')
    expect(events.filter(({ type }) => type === 'output')).toHaveLength(600)
    expect((await late).bytes).toEqual(bytes)
    expect((await twice).bytes).toEqual(bytes)
    expect((await followToEnd(three, id)).bytes).toEqual(bytes)
    const finished = await followJob(three, id, { 'Last-Event-ID': String(events.length) })
    expect(finished.response.statusCode).toBe(204)
    finished.close()
  })
})

describe('an abort', () => {
  const abort = (id: string) => three.call(`/api/runs/${id}/abort`, { method: 'POST' })

  it('an abort of a queued job ends it before it starts', async () => {
    const busy = await Promise.all(Array.from({ length: 3 }, () => startJob(three, 'waits')))
    await Promise.all(busy.map((id) => untilLine(three, id, 'up')))
    const id = await startJob(three, 'quick')
    const follower = gather(await followJob(three, id))
    const response = await abort(id)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      run: { id, state: 'aborted', startedAt: null, attempt: 0 },
    })
    const { events, over } = await follower
    expect(over).toBe('end')
    expect(events).toMatchObject([{ type: 'run:queued' }, { type: 'error', data: { state: 'aborted' } }])
    await Promise.all(busy.map(abort))
  })

  it('an abort of a running job ends all its processes; of a finished one it changes nothing', async () => {
    const id = await startJob(three, 'family')
    await untilLine(three, id, 'up')
    expect(processesWith(mark)).not.toEqual([])
    const first = (await (await abort(id)).json()) as { run: Run }
    expect(first.run).toMatchObject({ state: 'aborted', error: { message: 'Aborted by request' } })
    expect(processesWith(mark)).toEqual([])
    const { events } = await followToEnd(three, id)
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'aborted' } })

    const again = await abort(id)
    expect(again.status).toBe(200)
    expect(await again.json()).toEqual(first)
    expect((await followToEnd(three, id)).events).toEqual(events)
  })

  it('an abort of an unknown run is a 404', async () => {
    for (const id of [randomUUID(), 'nonsense', '..%2F..%2Fapi']) {
      const response = await abort(id)
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ code: 'not_found', status: 404 })
    }
  })
})

describe('the jobs face', () => {
  it.each([
    ['no toolId', { projectId: 'web' }, 'toolId'],
    ['an empty toolId', { toolId: '', projectId: 'web' }, 'toolId'],
    ['a toolId that is no text', { toolId: 7, projectId: 'web' }, 'toolId'],
    ['a toolId that is null', { toolId: null, projectId: 'web' }, 'toolId'],
    ['an unknown toolId', { toolId: 'rm', projectId: 'web' }, 'tool'],
    ['a toolId of JavaScript', { toolId: 'constructor', projectId: 'web' }, 'tool'],
    ['no projectId', { toolId: 'quick' }, 'projectId'],
    ['an empty projectId', { toolId: 'quick', projectId: '' }, 'projectId'],
    ['a projectId that is no text', { toolId: 'quick', projectId: ['web'] }, 'projectId'],
    ['an unknown projectId', { toolId: 'quick', projectId: 'wob' }, 'project'],
    ['neither', {}, 'toolId'],
    ['a list', [], ''],
    ['null', null, ''],
  ])('the jobs face refuses %s and names the field', async (_what, body, field) => {
    const response = await three.call('/api/execute', post(body))
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toEqual({ error: { message: expect.stringContaining(field) } })
  })

  it('the jobs face refuses a body that is not JSON, missing, or of another type', async () => {
    const send = (body: string | null, type = 'application/json') =>
      three.call('/api/execute', { method: 'POST', body, headers: { 'Content-Type': type } })
    const refusal = { error: { message: expect.any(String) } }
    for (const response of [await send('{"toolId":'), await send(''), await send(null)]) {
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual(refusal)
    }
    const text = await send('toolId=quick', 'application/x-www-form-urlencoded')
    expect(text.status).toBe(415)
    expect(await text.json()).toEqual(refusal)
  })

  it('the jobs face answers 404 for the stream of an unknown job', async () => {
    for (const id of [randomUUID(), 'nonsense']) {
      const response = await three.call(`/api/stream/${id}`)
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({ error: { message: expect.stringContaining(id) } })
    }
  })
})

describe('the native face', () => {
  const quick = { kind: 'job', project: 'web', tool: 'quick' }

  it('the native face answers a start with 201 and the location of the run', async () => {
    const response = await three.call('/api/runs', post(quick))
    const { run } = (await response.json()) as { run: Run }
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe(`/api/runs/${run.id}`)
    expect(run).toMatchObject({ kind: 'job', project: 'web', owner: 'admin', retryOf: null, result: null })
    await followToEnd(three, run.id)
    expect(await runOf(three, run.id)).toMatchObject({
      state: 'completed',
      result: { success: true, exitCode: 0, outputLines: 1 },
      head: 4,
    })
  })

  it('the native face starts one run for one idempotency key, and refuses the key for another request', async () => {
    const key = randomUUID()
    const start = (body: unknown) => {
      const init = post(body)
      return three.call('/api/runs', { ...init, headers: { ...init.headers, 'Idempotency-Key': key } })
    }
    const answers = await Promise.all([start(quick), start(quick), start(quick)])
    const runs = await Promise.all(answers.map(async (answer) => (await answer.json()) as { run: Run }))
    expect(new Set(runs.map(({ run }) => run.id)).size).toBe(1)
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(2)
    const other = await start({ ...quick, tool: 'red' })
    expect(other.status).toBe(409)
    expect(await other.json()).toMatchObject({ code: 'idempotency_mismatch' })
  })

  it('the native face lists runs newest first, page by page, each once', async () => {
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.unshift(await startJob(three, 'quick'))
    const seen: Run[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const path: string = `/api/runs?limit=2${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
      const page: { runs: Run[]; nextCursor: string | null } = await three.json(path)
      expect(page.runs.length).toBeLessThanOrEqual(2)
      seen.push(...page.runs)
      cursor = page.nextCursor
    }
    expect(seen.slice(0, 5).map(({ id }) => id)).toEqual(ids)
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
    await Promise.all(ids.map((id) => followToEnd(three, id)))
  })

  it('the native face retries a run, and only one that is over', async () => {
    const open = await startJob(three, 'waits')
    const tooEarly = await three.call(`/api/runs/${open}/retry`, { method: 'POST' })
    expect(tooEarly.status).toBe(409)
    expect(await tooEarly.json()).toMatchObject({ code: 'run_open', retry: true })
    await three.call(`/api/runs/${open}/abort`, { method: 'POST' })

    const id = await startJob(three, 'fails')
    await followToEnd(three, id)
    const response = await three.call(`/api/runs/${id}/retry`, { method: 'POST' })
    expect(response.status).toBe(201)
    const { run } = (await response.json()) as { run: Run }
    expect(run).toMatchObject({ retryOf: id, spec: { tool: 'fails', project: 'web' } })
    expect(response.headers.get('location')).toBe(`/api/runs/${run.id}`)
    expect((await followToEnd(three, run.id)).lines).toEqual(['fails'])
  })

  it('the native face ignores the Content-Type of an absent body', async () => {
    const headers = { 'Content-Type': 'application/json' }
    const id = await startJob(three, 'waits')
    const abort = await three.call(`/api/runs/${id}/abort`, { method: 'POST', headers })
    expect(abort.status).toBe(200)
    expect(await abort.json()).toMatchObject({ run: { id, state: 'aborted' } })
    for (const path of ['/api/runs', '/api/execute'])
      expect((await three.call(path, { method: 'POST', headers })).status).toBe(400)
  })

  it('the native face pages through the log as JSON', async () => {
    type Page = { events: LogEvent[]; head: number; closed: boolean; epoch: string }
    const id = await startJob(three, 'red')
    const streamed = await followToEnd(three, id)
    const events: LogEvent[] = []
    for (let more = true; more; ) {
      const path = `/api/runs/${id}/events?after=${events.length}&limit=100`
      const page = await three.json<Page>(path, { headers: { Accept: 'application/json' } })
      expect(page.events.length).toBeLessThanOrEqual(100)
      expect(page).toMatchObject({ head: 303, closed: true, epoch: expect.any(String) })
      events.push(...page.events)
      more = events.length < page.head
      if (more) expect(page.events).toHaveLength(100)
    }
    expect(events.map(({ seq, type, data }) => ({ id: String(seq), type, data }))).toEqual(streamed.events)
    for (const query of ['limit=0', 'limit=many', 'limit=10001', 'limit=1.5']) {
      const wrong = await three.call(`/api/runs/${id}/events?${query}`, {
        headers: { Accept: 'application/json' },
      })
      expect(wrong.status).toBe(400)
      expect(await wrong.json()).toMatchObject({ errors: [{ path: 'limit' }] })
    }
  })

  it('the native face reports errors as problem details', async () => {
    const response = await three.call(
      '/api/runs',
      post({ kind: 'job', project: 'web', tool: 'nothing', x: 1 }),
    )
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    const unknownTool = await three.call('/api/runs', post({ ...quick, tool: 'nothing' }))
    expect(await unknownTool.json()).toEqual({
      type: 'about:blank',
      title: 'The request is not valid',
      status: 400,
      detail: expect.stringContaining('nothing'),
      code: 'invalid_request',
      retry: false,
      errors: [{ path: 'tool', expected: expect.stringContaining('quick') }],
    })
    const query = await three.call('/api/runs?unheardOf=1')
    expect(await query.json()).toMatchObject({
      errors: [{ path: 'unheardOf', expected: expect.stringContaining('no such field') }],
    })
    const nowhere = await three.call('/api/nothing')
    expect(nowhere.status).toBe(404)
    expect(await nowhere.json()).toMatchObject({ code: 'not_found', status: 404 })
    const stranger = await fetch(`${three.url}/api/runs`)
    expect(stranger.status).toBe(401)
    expect(stranger.headers.get('www-authenticate')).toContain('Bearer')
    expect(await stranger.json()).toMatchObject({ code: 'unauthenticated' })
  })
})
