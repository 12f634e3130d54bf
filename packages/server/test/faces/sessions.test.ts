/** The sessions face: all its answers, over real HTTP, with a scripted agent. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { bearer, follow } from '#test/security/support/follow'
import { post } from '#test/security/support/server'
import { exchange } from '#test/security/support/wire'
import { type Agent, completed, openSessionServer, type SessionServer } from './support/session-server.ts'

const nobodys = '00000000-0000-4000-8000-000000000000'
const start = (
  server: SessionServer,
  body: unknown = { prompt: 'Go', projectId: 'web' },
  token = server.owner,
) => server.as(token, '/api/agent/test', post(body))

async function startSession(server: SessionServer, projectId = 'web'): Promise<string> {
  const answer = await start(server, { prompt: 'Go', projectId })
  const body = (await answer.json()) as { success: boolean; sessionId: string }
  expect([answer.status, body]).toEqual([201, { success: true, sessionId: expect.any(String) }])
  return body.sessionId
}

const abort = (server: SessionServer, id: string, token = server.owner) =>
  server.as(token, `/api/agent/test/abort/${id}`, { method: 'POST' })

async function told(answer: Response): Promise<[number, unknown]> {
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  return [answer.status, await answer.json()]
}

const refusal = (error: unknown) => ({ success: false, error })

describe('a start', () => {
  it('a start answers with the id of a session on disk, in the requested project and directory', async () => {
    const server = await openSessionServer()
    const answer = await start(server, {
      prompt: 'Go',
      projectId: 'web',
      cwd: 'src',
      more: 'is not looked at',
    })
    const { sessionId } = (await answer.json()) as { sessionId: string }
    const { run } = (await (await server.as(server.owner, `/api/runs/${sessionId}`)).json()) as {
      run: object
    }
    expect(run).toMatchObject({
      kind: 'session',
      owner: 'olga',
      project: 'web',
      spec: { project: 'web', prompt: 'Go', cwd: 'src' },
    })
  })

  it('a start with an invalid body is refused with 400, in a sentence that names the field', async () => {
    const server = await openSessionServer()
    const bodies: [string, unknown][] = [
      ['prompt', { projectId: 'web' }],
      ['prompt', { projectId: 'web', prompt: ' \n ' }],
      ['prompt', { projectId: 'web', prompt: 7 }],
      ['projectId', { prompt: 'Go' }],
      ['projectId', { prompt: 'Go', projectId: '' }],
      ['projectId: There is no project', { prompt: 'Go', projectId: 'nowhere' }],
      ['cwd', { prompt: 'Go', projectId: 'web', cwd: '' }],
      ['cwd', { prompt: 'Go', projectId: 'web', cwd: ['a'] }],
      ['cwd: inside the project', { prompt: 'Go', projectId: 'web', cwd: '../api' }],
      ['body', []],
      ['body', null],
    ]
    for (const [name, body] of bodies) {
      const answer = await told(await start(server, body))
      expect([body, answer]).toEqual([body, [400, refusal(expect.stringContaining(name))]])
    }
  })

  it('a start with a body that is not JSON, or without one, is refused with 400', async () => {
    const server = await openSessionServer()
    for (const init of [
      { method: 'POST' },
      { method: 'POST', body: 'prompt=Go' },
      { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } },
    ]) {
      const [status, body] = await told(await server.as(server.owner, '/api/agent/test', init))
      expect([status, body]).toEqual([400, refusal(expect.any(String))])
    }
  })

  it('a start in a busy project is refused with 400 and the documented sentence', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    const busy = refusal('Project already has an active agent session')
    expect(await told(await start(server))).toEqual([400, busy])
    // This includes callers who may not see that session.
    expect(await told(await start(server, { prompt: 'Go', projectId: 'web' }, server.other))).toEqual([
      400,
      busy,
    ])
    await startSession(server, 'api')
    await abort(server, id)
    await startSession(server)
  })

  it('of twenty concurrent starts in one project exactly one is answered with 201', async () => {
    const server = await openSessionServer()
    const answers = await Promise.all(Array.from({ length: 20 }, () => start(server)))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 400)])
  })

  it('a start beyond the rate is refused with 429 and a time to wait', async () => {
    const server = await openSessionServer({ limits: { startsPerMinute: 1 } })
    await startSession(server)
    const answer = await start(server, { prompt: 'Go', projectId: 'api' })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await told(answer)).toEqual([429, refusal(expect.any(String))])
  })

  it('a start that is too large is refused with 413', async () => {
    const server = await openSessionServer({ limits: { bodyBytes: 1024 } })
    const answer = await start(server, { prompt: 'x'.repeat(2000), projectId: 'web' })
    expect(await told(answer)).toEqual([413, refusal(expect.any(String))])
  })

  it('a start while the server drains is refused with 503', async () => {
    const server = await openSessionServer()
    await server.drain()
    expect(await told(await start(server))).toEqual([503, refusal(expect.stringContaining('shutting down'))])
  })
})

describe('whoever has no credential', () => {
  it('a caller without a credential gets 401 on every route, and learns nothing about a session', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    const paths: [string, RequestInit?][] = [
      ['/api/agent/test', post({ prompt: 'Go', projectId: 'web' })],
      [`/api/agent/test/stream/${id}`],
      [`/api/agent/test/stream/${nobodys}`],
      [`/api/agent/test/abort/${id}`, { method: 'POST' }],
    ]
    for (const [path, init] of paths) {
      const answer = await fetch(server.url + path, init)
      expect(answer.headers.get('www-authenticate')).toContain('Bearer')
      expect(await told(answer)).toEqual([401, refusal(expect.any(String))])
    }
  })
})

it('refusals before the face is reached have the shape of the face', async () => {
  const server = await openSessionServer()
  for (const path of ['/api/agent/test', `/api/agent/test/stream/${nobodys}`]) {
    const answer = await exchange(
      Number(new URL(server.url).port),
      `${path.includes('stream') ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    )
    expect([answer.status, JSON.parse(answer.body)]).toEqual([421, refusal(expect.any(String))])
  }
})

describe('the stream', () => {
  const message = (n: number) => ({ type: 'stream_event', event: { delta: `word ${n}` }, uuid: `u${n}` })

  it('the stream has each message whole as it comes, under its own type, and the terminal event last', async () => {
    const gates = [1, 2, 3].map(() => Promise.withResolvers<void>())
    const agent: Agent = async ({ run, started, emit }) => {
      await started()
      await emit([{ type: 'system', data: { type: 'system', subtype: 'init' } }])
      for (const [index, gate] of gates.entries()) {
        await gate.promise
        await emit([{ type: 'stream_event', data: message(index) }])
      }
      return completed(run.id)
    }
    const server = await openSessionServer({ agent })
    const id = await startSession(server)
    const url = `${server.url}/api/agent/test/stream/${id}`
    const stream = await follow(url, bearer(server.owner))
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    await stream.has(3)
    // Each arrives before the next one is produced.
    for (const [index, gate] of gates.entries()) {
      gate.resolve()
      await stream.has(4 + index)
    }
    expect(await stream.over).toBe('end')
    expect(stream.events.map(({ id: seq, event }) => [seq, event])).toEqual([
      ['1', 'run:queued'],
      ['2', 'run:started'],
      ['3', 'system'],
      ['4', 'stream_event'],
      ['5', 'stream_event'],
      ['6', 'stream_event'],
      ['7', 'completed'],
    ])
    expect(JSON.parse(stream.events[4]?.data ?? '')).toEqual(message(1))
    expect(JSON.parse(stream.events[6]?.data ?? '')).toEqual({ sessionId: id, state: 'completed' })
    // A late client gets the same bytes; a client that has everything, 204.
    expect(await (await server.as(server.owner, `/api/agent/test/stream/${id}`)).text()).toBe(stream.text())
    const again = { headers: { 'last-event-id': '7' } }
    expect((await server.as(server.owner, `/api/agent/test/stream/${id}`, again)).status).toBe(204)
  })

  it('?types= at the stream of a session sends only those, and the terminal event', async () => {
    const agent: Agent = async ({ run, started, emit }) => {
      await started()
      await emit([{ type: 'system', data: { subtype: 'init' } }])
      await emit([{ type: 'stream_event', data: message(1) }])
      await emit([{ type: 'assistant', data: { message: {} } }])
      return completed(run.id)
    }
    const server = await openSessionServer({ agent })
    const path = `/api/agent/test/stream/${await startSession(server)}`
    const stream = await follow(`${server.url}${path}?types=assistant,system,none`, bearer(server.owner))
    expect(await stream.over).toBe('end')
    const all = await (await server.as(server.owner, path)).text()
    const frames = all.split('\n\n').filter((frame) => /^event: (assistant|system|completed)$/m.test(frame))
    expect(frames.length).toBe(3)
    expect(stream.events.map(({ id, event }) => [id, event])).toEqual([
      ['3', 'system'],
      ['5', 'assistant'],
      ['6', 'completed'],
    ])
    expect(stream.text()).toContain(frames.join('\n\n'))
    const resumed = await server.as(server.owner, `${path}?types=system`, {
      headers: { 'last-event-id': '3' },
    })
    expect((await resumed.text()).match(/^event: .*$/gm)).toEqual(['event: completed'])
  })

  it('the stream has the comment `heartbeat` every 15 seconds', async () => {
    const clock = new ManualClock()
    const server = await openSessionServer({ clock })
    const id = await startSession(server)
    const stream = await follow(`${server.url}/api/agent/test/stream/${id}`, bearer(server.owner))
    await stream.has(3)
    const comments = () => stream.text().match(/^:.*$/gm) ?? []
    const beatAt = async (ms: number, beats: number) => {
      clock.advance(ms)
      await until(() => comments().length === beats)
    }
    await beatAt(14_000, 0)
    await beatAt(2000, 1)
    await beatAt(15_000, 2)
    expect(comments()).toEqual([': heartbeat', ': heartbeat'])
    stream.close()
  })

  it('the stream of an unknown id, of another user’s session, or of a run of another kind is a 404', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    const job = (await (
      await server.as(server.owner, '/api/runs', post({ kind: 'job', project: 'web', tool: 'any' }))
    ).json()) as { run: { id: string } }
    const words = async (session: string, token: string) => {
      const [status, body] = await told(await server.as(token, `/api/agent/test/stream/${session}`))
      return [status, JSON.stringify(body).replaceAll(session, '…')]
    }
    const unknown = [404, JSON.stringify(refusal('No run …'))]
    expect(await words(nobodys, server.owner)).toEqual(unknown)
    expect(await words(id, server.other)).toEqual(unknown)
    expect(await words(job.run.id, server.owner)).toEqual(unknown)
    const seen = await follow(`${server.url}/api/agent/test/stream/${id}`, bearer(server.admin))
    expect(seen.status).toBe(200)
    seen.close()
  })

  it('the stream is opened by a ticket for its path, and by no other', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    const path = `/api/agent/test/stream/${id}`
    const made = await server.as(server.owner, '/api/tickets', post({ path }))
    expect(made.status).toBe(201)
    const { ticket } = (await made.json()) as { ticket: string }
    expect((await fetch(`${server.url}/api/runs/${id}/events?ticket=${ticket}`)).status).toBe(401)
    const stream = await follow(`${server.url}${path}?ticket=${ticket}`)
    await stream.has(2)
    stream.close()
    expect((await server.as(server.other, '/api/tickets', post({ path }))).status).toBe(404)
  })

  it('the stream is closed unanswered while the server drains, so that an EventSource reconnects', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    const stream = await follow(`${server.url}/api/agent/test/stream/${id}`, bearer(server.owner))
    await stream.has(3)
    await server.drain()
    expect(await stream.over).toBe('end')
    expect(stream.events.at(-1)).toMatchObject({ event: 'interrupted' })
    await expect(server.as(server.owner, `/api/agent/test/stream/${id}`)).rejects.toThrow('fetch failed')
  })
})

describe('an abort', () => {
  it('an abort ends the session with `aborted` and answers 200; a second one answers 409', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    const stream = await follow(`${server.url}/api/agent/test/stream/${id}`, bearer(server.owner))
    await stream.has(3)
    expect(await told(await abort(server, id))).toEqual([200, { success: true }])
    await stream.over
    expect(stream.events.at(-1)).toMatchObject({ event: 'aborted' })
    expect(await told(await abort(server, id))).toEqual([409, refusal('The session is already over')])
  })

  it('an abort ends a queued session before it begins', async () => {
    const server = await openSessionServer({ concurrency: 1 })
    await startSession(server)
    const id = await startSession(server, 'api')
    expect(await told(await abort(server, id))).toEqual([200, { success: true }])
    expect(await server.runs.get(id, { user: 'olga', admin: false })).toMatchObject({
      state: 'aborted',
      attempt: 0,
    })
  })

  it('an abort of a session that has just ended by itself is a 409', async () => {
    // The agent ends by itself between the look-up and the abort.
    const server = await openSessionServer({ agent: async ({ run }) => completed(run.id) })
    const id = await startSession(server)
    await until(async () => (await server.runs.get(id, { user: 'olga', admin: false })).state === 'completed')
    const early = {
      ...(await server.runs.get(id, { user: 'olga', admin: false })),
      state: 'running' as const,
    }
    const get = server.runs.get.bind(server.runs)
    let looked = 0
    server.runs.get = (...args) => (looked++ === 0 ? Promise.resolve(early) : get(...args))
    expect(await told(await abort(server, id))).toEqual([409, refusal('The session is already over')])
  })

  it('an abort of anything but a session of the caller’s is a 404, and changes nothing', async () => {
    const server = await openSessionServer()
    const id = await startSession(server)
    expect(await told(await abort(server, nobodys))).toEqual([404, refusal(`No run ${nobodys}`)])
    expect(await told(await abort(server, id, server.other))).toEqual([404, refusal(`No run ${id}`)])
    const { run } = (await (
      await server.as(server.owner, '/api/runs', post({ kind: 'job', project: 'web', tool: 'any' }))
    ).json()) as { run: { id: string } }
    expect((await abort(server, run.id)).status).toBe(404)
    for (const one of [id, run.id]) {
      expect(['queued', 'starting', 'running']).toContain(
        (await server.runs.get(one, { user: 'olga', admin: false })).state,
      )
    }
    expect((await abort(server, id, server.admin)).status).toBe(200)
  })
})
