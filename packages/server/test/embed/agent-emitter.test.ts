/** AgentSSEEmitter and the connection functions, in an Express application with two users, over real HTTP. */
import { randomUUID } from 'node:crypto'
import compression from 'compression'
import express from 'express'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  AgentSSEEmitter,
  addAgentConnection,
  broadcastAgentEvent,
  cleanupAgentExecution,
  type MillraceOptions,
  removeAgentConnection,
  sendAgentEvent,
} from '#index'
import { follow } from '../security/support/follow.ts'
import { listen, millraceIn, post, silent, userOf } from './host.ts'

const anna = { 'x-user': 'anna' }
const bert = { 'x-user': 'bert' }

/** The application's own stream of an execution is at `/mine/:id`. */
async function openApp(options: MillraceOptions = {}) {
  const millrace = millraceIn({ principal: userOf, log: silent, ...options })
  await millrace.start()
  const app = express().use(compression())
  app.get('/mine/:id', async (request, response) => {
    const user = userOf(request)?.user ?? 'nobody'
    try {
      await addAgentConnection(user, request.params.id, response)
      if (request.query.brief) setTimeout(() => removeAgentConnection(user, request.params.id, response), 50)
    } catch (error) {
      response.status((error as { status: number }).status).end()
    }
  })
  app.use(millrace.express())
  const { url } = await listen(app)
  const log = async (id: string) => {
    const found: { type: string; data: Record<string, unknown> }[] = []
    for await (const { type, data } of millrace.runs.follow(id)) found.push({ type, data: data as never })
    return found.slice(2)
  }
  const text = async (path: string, headers: Record<string, string> = anna) =>
    (await fetch(url + path, { headers })).text()
  return { millrace, url, log, text }
}

const plan = { goal: 'Count', phases: [{ id: 'p1', name: 'Read', status: 'pending' as const }] }

describe('an emitter', () => {
  it('an execution that does not exist begins with the first call, and its events are in the order of the calls', async () => {
    const { millrace, log } = await openApp()
    const id = randomUUID()
    const emitter = new AgentSSEEmitter('anna', id)
    expect(emitter.runId).toBe(id)
    const calls = [
      emitter.executionStarted({ task: 'Count words' }),
      emitter.planCreated({ plan }),
      emitter.phaseStart({ phaseId: 'p1', phaseName: 'Read', phaseIndex: 0 }),
      emitter.thinking({ thought: 'Look' }),
      emitter.thinking({ thought: 'Look again' }),
      emitter.toolStart({ toolName: 'read', params: { file: 'a' } }),
      emitter.toolComplete({ toolName: 'read', result: 12 }),
      emitter.phaseComplete({ phaseId: 'p1', phaseName: 'Read' }),
      emitter.executionComplete({ result: { words: 12 }, tokensUsed: 7 }),
    ]
    await Promise.all(calls)
    expect(await millrace.runs.get(id)).toMatchObject({
      owner: 'anna',
      kind: 'external',
      state: 'completed',
      spec: { title: 'Count words' },
      result: { words: 12 },
    })
    const number = expect.any(Number)
    const toolCallId = await calls[5]
    expect(toolCallId).toMatch(/^[0-9a-f-]{36}$/)
    expect(await log(id)).toEqual([
      { type: 'execution:started', data: { task: 'Count words', startedAt: number } },
      { type: 'plan:created', data: { plan } },
      { type: 'phase:start', data: { phaseId: 'p1', phaseName: 'Read', phaseIndex: 0 } },
      { type: 'thinking', data: { thought: 'Look', iteration: 1 } },
      { type: 'thinking', data: { thought: 'Look again', iteration: 2 } },
      { type: 'tool:start', data: { toolName: 'read', params: { file: 'a' }, toolCallId } },
      {
        type: 'tool:complete',
        data: { toolName: 'read', toolCallId, result: 12, duration: number, status: 'ok' },
      },
      { type: 'phase:complete', data: { phaseId: 'p1', phaseName: 'Read' } },
      { type: 'execution:complete', data: { result: { words: 12 }, duration: number, tokensUsed: 7 } },
    ])
  })

  it('calls without a toolCallId complete the open calls of their tool, oldest first', async () => {
    const { log } = await openApp()
    const emitter = new AgentSSEEmitter('anna', randomUUID())
    const first = await emitter.toolStart({ toolName: 'a', params: 1 })
    const other = await emitter.toolStart({ toolName: 'b', params: 2 })
    const second = await emitter.toolStart({ toolName: 'a', params: 3 })
    await emitter.toolComplete({ toolName: 'a', result: null })
    await emitter.toolComplete({ toolName: 'a', result: null, status: 'error' })
    await emitter.toolComplete({ toolName: 'b', result: null, toolCallId: other, duration: 5 })
    await emitter.executionComplete()
    const completed = (await log(emitter.runId)).filter(({ type }) => type === 'tool:complete')
    expect(completed.map(({ data }) => [data.toolCallId, data.status])).toEqual([
      [first, 'ok'],
      [second, 'error'],
      [other, 'ok'],
    ])
    expect(completed.at(-1)?.data.duration).toBe(5)
  })

  it('what is open at the end is closed before the terminal event', async () => {
    const { log } = await openApp()
    const emitter = new AgentSSEEmitter('anna', randomUUID())
    void emitter.phaseStart({ phaseId: 'p', phaseName: 'Read', phaseIndex: 0 })
    void emitter.toolStart({ toolName: 'a', params: {}, toolCallId: 'c' })
    await emitter.executionError({ error: 'No quota', code: 'budget' })
    expect((await log(emitter.runId)).slice(2)).toEqual([
      expect.objectContaining({ data: expect.objectContaining({ toolCallId: 'c', status: 'cancelled' }) }),
      {
        type: 'phase:complete',
        data: { phaseId: 'p', phaseName: 'Read', status: 'incomplete' },
      },
      { type: 'execution:error', data: { error: 'No quota', code: 'budget' } },
    ])
  })

  it('the stack of an error is logged and never sent, and a long message ends the run anyway', async () => {
    const lines: string[] = []
    const { text, millrace } = await openApp({
      log: pino({ level: 'warn' }, { write: (line) => lines.push(line) }),
    })
    const [one, two, three] = [0, 1, 2].map(() => new AgentSSEEmitter('anna', randomUUID()))
    await one?.executionError({ error: 'Failed', stack: 'at secret-place:1' })
    await two?.executionError({ error: new Error('x'.repeat(10_000)) })
    await three?.send({ type: 'execution:error', data: { error: 'Failed', stack: 'at secret-place:2' } })
    for (const emitter of [one, two, three]) {
      const id = emitter?.runId ?? ''
      expect(JSON.stringify(await millrace.runs.get(id))).not.toMatch(/secret-place|agent-emitter\.test/)
      const sent = await text(`/api/runs/${id}/events`)
      expect(sent).toContain('event: execution:error')
      expect(sent).not.toMatch(/secret-place|agent-emitter\.test|stack/)
    }
    const logged = lines.join('')
    for (const place of ['secret-place:1', 'secret-place:2', 'agent-emitter.test'])
      expect(logged).toContain(place)
  })

  it('the bytes are those of the same events sent over HTTP', async () => {
    const { url, text } = await openApp()
    const started = await fetch(`${url}/api/runs`, post({ kind: 'external', title: 'Count' }, anna))
    const { id } = ((await started.json()) as { run: { id: string } }).run
    const data = {
      started: { task: 'Count', startedAt: 5 },
      phase: { phaseId: 'p', phaseName: 'Read', phaseIndex: 0 },
      thought: { thought: 'é\n\u2028"', iteration: 3, phaseId: 'p' },
      start: { toolName: 'read', params: [1, null], toolCallId: 'c', phaseId: 'p' },
      complete: {
        toolName: 'read',
        toolCallId: 'c',
        result: '😀',
        duration: 2,
        status: 'denied',
        phaseId: 'p',
      },
      left: { phaseId: 'p', phaseName: 'Read' },
      end: { result: { words: 1 }, duration: 9, tokensUsed: 4 },
    } as const
    const events = [
      { type: 'execution:started', data: data.started },
      { type: 'plan:created', data: { plan } },
      { type: 'phase:start', data: data.phase },
      { type: 'thinking', data: data.thought },
      { type: 'tool:start', data: data.start },
      { type: 'tool:complete', data: data.complete },
      { type: 'phase:complete', data: data.left },
    ]
    await fetch(`${url}/api/runs/${id}/events`, post({ events, producer: 'p', seq: 0 }, anna))
    await fetch(`${url}/api/runs/${id}/finish`, post({ state: 'completed', ...data.end }, anna))

    const emitter = new AgentSSEEmitter('anna', 'a name of the application')
    await emitter.executionStarted(data.started)
    await emitter.planCreated({ plan })
    await emitter.phaseStart(data.phase)
    await emitter.thinking(data.thought)
    await emitter.toolStart(data.start)
    await emitter.toolComplete(data.complete)
    await emitter.phaseComplete(data.left)
    await emitter.executionComplete(data.end)
    const overHttp = await text(`/api/agent/stream/${id}`)
    expect(await text(`/api/agent/stream/${emitter.runId}`)).toBe(overHttp)
    expect(overHttp.match(/^id: /gm)).toHaveLength(10)
  })

  it('two emitters, also of two calls at once, share one run, whose name need not be a UUID', async () => {
    const { millrace, log } = await openApp()
    const emitters = [0, 1].map(() => new AgentSSEEmitter('anna', 'nightly import'))
    expect(emitters[0]?.runId).toBe(emitters[1]?.runId)
    const calls = Array.from({ length: 20 }, (_, n) => emitters[n % 2]?.thinking({ thought: `${n}` }))
    await Promise.all(calls)
    await emitters[0]?.executionComplete()
    const thoughts = (await log(emitters[0]?.runId ?? '')).map(({ data }) => data.thought)
    expect(thoughts.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`))
    expect((await millrace.runs.list({}, 'anna')).runs).toHaveLength(1)
    const berts = new AgentSSEEmitter('bert', 'nightly import')
    await berts.thinking({ thought: 'mine' })
    expect((await millrace.runs.list({}, 'bert')).runs.map(({ id }) => id)).toEqual([berts.runId])
    expect(berts.runId).not.toBe(emitters[0]?.runId)
  })

  it('an execution that is cancelled refuses further calls with run_over, awaited or not', async () => {
    const { url } = await openApp()
    const emitter = new AgentSSEEmitter('anna', randomUUID())
    await emitter.thinking({ thought: 'a' })
    const path = `${url}/api/agent/execute/${emitter.runId}/cancel`
    expect((await fetch(path, { method: 'POST', headers: anna })).status).toBe(200)
    // An unhandled rejection would fail this file.
    void emitter.thinking({ thought: 'b' })
    void emitter.toolStart({ toolName: 'a', params: {} })
    await expect(emitter.alive()).rejects.toMatchObject({ code: 'run_over' })
    await expect(emitter.executionComplete()).rejects.toMatchObject({ code: 'run_over' })
  })

  it('one call that fails does not keep later ones from taking effect', async () => {
    const { log } = await openApp()
    const emitter = new AgentSSEEmitter('anna', randomUUID())
    await emitter.thinking({ thought: 'a' })
    await expect(emitter.send({ type: 'run:started' })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(emitter.send({ type: 'a', data: 1n })).rejects.toThrow(TypeError)
    await emitter.send({ type: 'my.own', data: null })
    await emitter.executionComplete()
    expect((await log(emitter.runId)).map(({ type }) => type)).toEqual([
      'thinking',
      'my.own',
      'execution:complete',
    ])
  })

  it('an emitter needs a user and an id, and a Millrace that runs', async () => {
    expect(() => new AgentSSEEmitter('', 'a')).toThrow(TypeError)
    expect(() => new AgentSSEEmitter('anna', '')).toThrow(TypeError)
    const emitter = new AgentSSEEmitter('anna', randomUUID())
    await expect(emitter.thinking({ thought: 'a' })).rejects.toMatchObject({ code: 'draining' })
  })
})

describe('two users', () => {
  it('another user neither sees, follows, cancels nor feeds an execution', async () => {
    const { millrace, url, text } = await openApp()
    const emitter = new AgentSSEEmitter('anna', randomUUID())
    await emitter.executionStarted({ task: 'a private matter' })
    const id = emitter.runId
    const none = randomUUID()
    const paths = (of: string) =>
      [
        [`/api/agent/stream/${of}`, {}],
        [`/api/runs/${of}`, {}],
        [`/api/runs/${of}/events`, {}],
        [`/api/agent/execute/${of}/cancel`, { method: 'POST' }],
        [`/api/runs/${of}/events`, post({ events: [{ type: 'a' }] })],
        [`/api/runs/${of}/finish`, post({ state: 'completed' })],
        [`/mine/${of}`, {}],
      ] as [string, RequestInit][]
    for (const [index, [path, init]] of paths(id).entries()) {
      const headers = { ...init.headers, ...bert }
      const answer = await fetch(url + path, { ...init, headers })
      const [other = '', otherInit] = paths(none)[index] ?? []
      const same = await fetch(url + other, { ...otherInit, headers })
      expect([path, answer.status]).toEqual([path, 404])
      expect((await answer.text()).replaceAll(id, '')).toBe((await same.text()).replaceAll(none, ''))
    }
    for (const path of [`/api/agent/stream/${id}`, '/api/runs']) {
      expect((await fetch(url + path)).status).toBe(401)
    }
    expect(await text('/api/runs', bert)).not.toContain(id)
    const intruder = new AgentSSEEmitter('bert', id)
    await expect(intruder.thinking({ thought: 'a' })).rejects.toMatchObject({ code: 'not_found' })
    await expect(sendAgentEvent('bert', id, { type: 'a' })).rejects.toMatchObject({ code: 'not_found' })
    await cleanupAgentExecution('bert', id)
    expect(await broadcastAgentEvent('bert', { type: 'a' })).toBe(0)
    expect(await millrace.runs.get(id)).toMatchObject({ state: 'running', head: 3, owner: 'anna' })
  })

  it('a broadcast reaches the open executions of its user and nobody else’s', async () => {
    const { millrace } = await openApp()
    const [one, two, over] = [0, 1, 2].map(() => new AgentSSEEmitter('anna', randomUUID()))
    const berts = new AgentSSEEmitter('bert', randomUUID())
    for (const emitter of [one, two, over, berts]) await emitter?.thinking({ thought: 'a' })
    await over?.executionComplete()
    expect(await broadcastAgentEvent('anna', { type: 'notice', data: { text: 'Hello' } })).toBe(2)
    const heads = [one, two, over, berts].map(
      async (emitter) => (await millrace.runs.get(emitter?.runId ?? '')).head,
    )
    expect(await Promise.all(heads)).toEqual([4, 4, 4, 3])
  })
})

describe('connections of the application’s own', () => {
  it('a connection gets the bytes of the face, behind compression, and resumes after its Last-Event-ID', async () => {
    const { url, text } = await openApp()
    const id = randomUUID()
    await sendAgentEvent('anna', id, { type: 'thinking', data: { thought: 'a', iteration: 1 } })
    const live = await follow(`${url}/mine/${id}`, anna)
    await live.has(3)
    await sendAgentEvent('anna', id, { type: 'my.own', data: 2 })
    await live.has(4)
    await sendAgentEvent('anna', id, { type: 'execution:complete', data: { result: 1 } })
    expect(await live.over).toBe('end')
    expect(live.text()).toBe(await text(`/api/agent/stream/${id}`))
    const resumed = await text(`/mine/${id}`, { ...anna, 'last-event-id': '4' })
    expect(resumed.match(/^event: .*$/gm)).toEqual(['event: execution:complete'])
    const over = await fetch(`${url}/mine/${id}`, { headers: { ...anna, 'last-event-id': '5' } })
    expect(over.status).toBe(204)
  })

  it('a connection that is removed ends, and the execution continues', async () => {
    const { url, millrace } = await openApp()
    const id = randomUUID()
    await sendAgentEvent('anna', id, { type: 'a' })
    const kept = await follow(`${url}/mine/${id}`, anna)
    const brief = await follow(`${url}/mine/${id}?brief=1`, anna)
    await brief.over
    await sendAgentEvent('anna', id, { type: 'b' })
    await kept.has(4)
    expect((await millrace.runs.get(id)).state).toBe('running')
    kept.close()
  })

  it('a clean-up ends an open execution as interrupted, with the reason, and its connections', async () => {
    const { url, millrace } = await openApp()
    const id = randomUUID()
    await sendAgentEvent('anna', id, { type: 'a' })
    const live = await follow(`${url}/mine/${id}`, anna)
    onTestFinished(live.close)
    await live.has(3)
    await cleanupAgentExecution('anna', id, 'The user left')
    expect(await live.over).toBe('end')
    expect(live.events.at(-1)).toMatchObject({
      event: 'execution:interrupted',
      data: JSON.stringify({ error: 'The user left' }),
    })
    expect((await millrace.runs.get(id)).state).toBe('interrupted')
    await cleanupAgentExecution('anna', id)
    await cleanupAgentExecution('anna', randomUUID())
  })
})

describe('external runs of millrace.runs', () => {
  it('events are produced and the run finished with the rules of HTTP', async () => {
    const { millrace } = await openApp()
    const { id } = await millrace.runs.start({ kind: 'external', title: 'Nightly' }, 'anna')
    const batch = { events: [{ type: 'a', data: 1 }], producer: 'p', seq: 0 }
    expect(await millrace.runs.produce(id, batch, 'anna')).toEqual({
      firstSeq: 3,
      lastSeq: 3,
      duplicate: false,
    })
    expect(await millrace.runs.produce(id, batch, 'anna')).toMatchObject({ duplicate: true })
    const bad = millrace.runs.produce(id, { events: 'x' } as never, 'anna')
    await expect(bad).rejects.toMatchObject({ code: 'invalid_request', fields: [{ path: 'events' }] })
    await expect(millrace.runs.produce(id, batch, 'bert')).rejects.toMatchObject({ code: 'not_found' })
    await expect(millrace.runs.finish(id, { state: 'completed' }, 'bert')).rejects.toMatchObject({
      code: 'not_found',
    })
    expect(await millrace.runs.finish(id, { state: 'completed', result: 2 }, 'anna')).toMatchObject({
      result: 2,
    })
    await expect(millrace.runs.finish(id, { state: 'errored' }, 'anna')).rejects.toMatchObject({
      code: 'run_over',
    })
  })

  it('a run that is started twice with one id, also at once, is one run', async () => {
    const { millrace } = await openApp()
    const id = randomUUID()
    const start = (user: string, title: string) =>
      millrace.runs.start({ kind: 'external', title }, user, { id })
    const runs = await Promise.all(Array.from({ length: 8 }, (_, n) => start('anna', `${n}`)))
    expect(new Set(runs.map((run) => `${run.id} ${run.spec.title}`)).size).toBe(1)
    await expect(start('bert', 'b')).rejects.toMatchObject({ code: 'not_found' })
    await expect(
      millrace.runs.start({ kind: 'external', title: 't' }, 'anna', { id: 'x' }),
    ).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})
