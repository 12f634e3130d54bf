/** Adding a kind takes one object. Nothing else of the server knows the two kinds of this file. */
import { type Run, terminalType } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Availability, alwaysAvailable, type Kind } from '#runners/kind'
import type { EmittedEvent, RunContext } from '#runners/runner'
import { openSessionServer, type SessionServer, untilAsked } from '#test/faces/support/session-server'

const ended = { result: null, error: null, usage: null }

/** Work that is done elsewhere: the events of a run arrive from outside, through `push`. */
function externalKind() {
  const open = new Map<string, (event: EmittedEvent | null) => void>()
  let availability: Availability = { available: true }
  const run = async (context: RunContext) => {
    const over = Promise.withResolvers<void>()
    const push = (event: EmittedEvent | null) =>
      event === null ? over.resolve() : void context.emit([event])
    await context.started()
    open.set(context.run.id, push)
    await Promise.race([over.promise, untilAsked(context.signal)])
    open.delete(context.run.id)
    return { state: 'completed' as const, data: { ok: true }, ...ended }
  }
  const kind: Kind = {
    ...alwaysAvailable,
    kind: 'external',
    request: z.strictObject({ kind: z.literal('external'), title: z.string().min(1) }),
    runner: { kind: 'external', run, endedData: (_run, state, message) => ({ state, message }) },
    concurrency: 2,
    exclusive: false,
    resumable: null,
    prepare: ({ title }) => ({ project: null, spec: { title } }),
    availability: () => availability,
  }
  return {
    kind,
    push: async (id: string, event: EmittedEvent | null) => {
      while (!open.has(id)) await new Promise((resolve) => setTimeout(resolve, 2))
      open.get(id)?.(event)
    },
    close: (reason: string) => {
      availability = { available: false, reason }
    },
  }
}

/** Work in steps; a run that resumes another does the remaining ones. */
const executionKind: Kind = {
  ...alwaysAvailable,
  kind: 'execution',
  request: z.strictObject({ kind: z.literal('execution'), project: z.string(), steps: z.number() }),
  runner: {
    kind: 'execution',
    run: async ({ run, started, appendTranscript, readTranscript }) => {
      await started()
      const done = (await readTranscript()).length
      await appendTranscript([{ conversation: 'c', subpath: '', json: `${done}` }])
      return { state: 'completed', data: {}, ...ended, result: { done, steps: run.spec.steps } }
    },
    endedData: (_run, state) => ({ state }),
  },
  concurrency: 1,
  exclusive: true,
  resumable: { request: (run) => ({ ...run.spec, steps: Number(run.spec.steps) - 1 }) },
  prepare: ({ project, steps }) => ({ project: String(project), spec: { project, steps } }),
}

function api({ as, owner }: SessionServer) {
  const post = async (path: string, body?: unknown) => {
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await as(owner, path, { method: 'POST', headers, ...content })
    return { status: response.status, body: (await response.json()) as { run: Run; detail?: string } }
  }
  const follow = async (id: string) => (await as(owner, `/api/runs/${id}/events`)).text()
  return { post, follow }
}

describe('a kind that is added as one object', () => {
  it('a run of a new kind is started over HTTP, followed, and ended by its own runner', async () => {
    const external = externalKind()
    const { post, follow } = api(await openSessionServer({ kinds: [external.kind] }))
    const { status, body } = await post('/api/runs', { kind: 'external', title: 'nightly build' })
    expect(status).toBe(201)
    const { id } = body.run
    expect(body.run).toMatchObject({ kind: 'external', project: null, spec: { title: 'nightly build' } })
    const log = follow(id)
    await external.push(id, { type: 'log', data: { text: 'compiling' } })
    await external.push(id, null)
    const text = await log
    expect([...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)).toEqual([
      'run:queued',
      'run:started',
      'log',
      terminalType('external', 'completed'),
    ])
    expect(text).toContain('compiling')
  })

  it('an aborted run of a new kind ends in the words of that kind', async () => {
    const external = externalKind()
    const { post, follow } = api(await openSessionServer({ kinds: [external.kind] }))
    const { id } = (await post('/api/runs', { kind: 'external', title: 'a' })).body.run
    await external.push(id, { type: 'log', data: {} })
    expect((await post(`/api/runs/${id}/abort`)).body.run.state).toBe('aborted')
    expect(await follow(id)).toContain('"state":"aborted","message":"Aborted by request"')
  })

  it('a new kind refuses a request that its schema does not allow, and any request while it is unavailable', async () => {
    const external = externalKind()
    const { post } = api(await openSessionServer({ kinds: [external.kind] }))
    expect((await post('/api/runs', { kind: 'external' })).status).toBe(400)
    external.close('The other side is gone.')
    const refused = await post('/api/runs', { kind: 'external', title: 'a' })
    expect([refused.status, refused.body.detail]).toEqual([503, 'The other side is gone.'])
  })

  it('a new kind decides whether its runs can be resumed, and with which request', async () => {
    const external = externalKind()
    const { post, follow } = api(await openSessionServer({ kinds: [external.kind, executionKind] }))
    const one = (await post('/api/runs', { kind: 'external', title: 'a' })).body.run
    await external.push(one.id, null)
    await follow(one.id)
    expect((await post(`/api/runs/${one.id}/resume`)).status).toBe(409)
    const first = (await post('/api/runs', { kind: 'execution', project: 'web', steps: 3 })).body.run
    await follow(first.id)
    const second = await post(`/api/runs/${first.id}/resume`)
    expect(second.body.run).toMatchObject({ resumes: first.id, spec: { project: 'web', steps: 2 } })
    expect(await follow(second.body.run.id)).toContain('event: execution:complete')
  })

  it('an exclusive kind has its project to itself, even against a run of another exclusive kind', async () => {
    const { post } = api(await openSessionServer({ kinds: [executionKind] }))
    const session = await post('/api/runs', { kind: 'session', project: 'web', prompt: 'work' })
    expect(session.status).toBe(201)
    const refused = await post('/api/runs', { kind: 'execution', project: 'web', steps: 1 })
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      'Project already has an active agent session',
    ])
  })
})
