/** The executions face over HTTP, with executions whose agent is a script. */
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { openSessionServer, type SessionServer } from '#test/faces/support/session-server'
import { bearer, follow } from '#test/security/support/follow'
import { post } from '#test/security/support/server'
import {
  type Act,
  completed,
  ended,
  plan,
  ScriptedEngine,
  scriptedExecutions,
  startCall,
} from '../runners/execution/support/rig.ts'

async function open(act: Act) {
  const server = await openSessionServer({ kinds: [scriptedExecutions(new ScriptedEngine(act))] })
  const call = async (path: string, init?: RequestInit) => {
    const response = await server.as(server.owner, path, init)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const execute = async (body: Record<string, unknown> = {}) => {
    const { status, body: answer } = await call(
      '/api/agent/execute',
      post({ projectId: 'web', task: 'Mend it', ...body }),
    )
    expect(status).toBe(201)
    return String(answer.executionId)
  }
  return { server, call, execute }
}

const stream = (server: SessionServer, id: string) =>
  follow(`${server.url}/api/agent/stream/${id}`, bearer(server.owner))

const untilCancelled: Act = async ({ host, cancelled }) => {
  await host.report([plan, startCall('a')])
  await cancelled
  return ended('aborted')
}

describe('an execution that is started over HTTP', () => {
  it('the answer comes before the work, and the stream tells all of it and ends', async () => {
    const go = Promise.withResolvers<void>()
    const { server, execute, call } = await open(async ({ host }) => {
      await go.promise
      await host.report([plan, { move: 'text', messageId: 'm', text: 'Done' }])
      return completed
    })
    const id = await execute({ context: 'all of it' })
    const live = await stream(server, id)
    go.resolve()
    expect(await live.over).toBe('end')
    expect(live.events.map(({ event }) => event)).toEqual([
      'run:queued',
      'run:started',
      'execution:started',
      'plan:created',
      'phase:start',
      'text:delta',
      'phase:complete',
      'execution:complete',
    ])
    expect(await call(`/api/runs/${id}`)).toMatchObject({
      body: { run: { kind: 'execution', project: 'web', state: 'completed', outcome: 'success' } },
    })
  })

  it('a cancel ends it, with its call and its phase; a second one is refused', async () => {
    const { server, execute, call } = await open(untilCancelled)
    const id = await execute()
    const live = await stream(server, id)
    await until(() => live.events.some(({ event }) => event === 'tool:start'))
    const cancel = () => call(`/api/agent/execute/${id}/cancel`, { method: 'POST' })
    expect(await cancel()).toEqual({ status: 200, body: { executionId: id, state: 'aborted' } })
    expect(await live.over).toBe('end')
    expect(live.events.slice(-3).map(({ event }) => event)).toEqual([
      'tool:complete',
      'phase:complete',
      'execution:error',
    ])
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'run_over' } })
  })

  it('a project has one agent at a time: another execution is refused, and so is a session', async () => {
    const { execute, call } = await open(untilCancelled)
    const id = await execute()
    const second = await call('/api/agent/execute', post({ projectId: 'web', task: 'Again' }))
    expect(second).toMatchObject({ status: 409, body: { code: 'project_busy' } })
    const session = await call('/api/agent/test', post({ projectId: 'web', prompt: 'Hello' }))
    expect(session).toMatchObject({ status: 400, body: { success: false } })
    expect(await execute({ projectId: 'api' })).not.toBe(id)
  })

  it('the native face starts the same, with the project by its own name', async () => {
    const { call } = await open(async () => completed)
    const answer = await call('/api/runs', post({ kind: 'execution', project: 'web', task: 'Mend it' }))
    expect(answer).toMatchObject({
      status: 201,
      body: { run: { kind: 'execution', spec: { project: 'web', task: 'Mend it' } } },
    })
    const refused = await call('/api/runs', post({ kind: 'execution', task: 'Mend it' }))
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'project' }] } })
    const here = await call('/api/agent/execute', post({ task: 'Mend it' }))
    expect(here).toMatchObject({ status: 400, body: { errors: [{ path: 'projectId' }] } })
  })

  it('a program that embeds the server starts, follows and ends executions as well', async () => {
    const { server } = await open(untilCancelled)
    const { start, follow: followed, abort } = server.embedded
    const run = await start({ kind: 'execution', project: 'web', task: 'Mend it' }, 'olga')
    const types: string[] = []
    for await (const { type } of followed(run.id, { principal: 'olga' })) {
      types.push(type)
      if (type === 'tool:start') void abort(run.id, 'olga')
    }
    expect(types.slice(-3)).toEqual(['tool:complete', 'phase:complete', 'execution:error'])
    await expect(start({ kind: 'execution', task: ' ' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('to another user the execution does not exist', async () => {
    const { server, execute } = await open(untilCancelled)
    const id = await execute()
    const asOther = (path: string, init?: RequestInit) => server.as(server.other, path, init)
    expect((await asOther(`/api/agent/stream/${id}`)).status).toBe(404)
    expect((await asOther(`/api/agent/execute/${id}/cancel`, { method: 'POST' })).status).toBe(404)
  })
})
