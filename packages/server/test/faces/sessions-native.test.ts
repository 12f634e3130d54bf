/** Sessions on the native face: started, resumed, and their questions answered, over real HTTP. */
import { describe, expect, it } from 'vitest'
import { bearer, follow } from '#test/security/support/follow'
import { post } from '#test/security/support/server'
import {
  type Agent,
  completed,
  openSessionServer,
  type SessionServer,
  untilAsked,
} from './support/session-server.ts'

const nobodys = '00000000-0000-4000-8000-000000000000'
const session = { kind: 'session', project: 'web', prompt: 'Go', approvals: 'on' }

interface Started {
  run: { id: string; spec: Record<string, unknown>; resumes: string | null }
}

async function startSession(server: SessionServer): Promise<string> {
  const answer = await server.as(server.owner, '/api/runs', post(session))
  expect(answer.status).toBe(201)
  return ((await answer.json()) as Started).run.id
}

const resume = (
  server: SessionServer,
  id: string,
  init: RequestInit = { method: 'POST' },
  token = server.owner,
) => server.as(token, `/api/runs/${id}/resume`, init)

/** Status and code of a refusal. */
async function refused(answer: Response): Promise<[number, string]> {
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  return [answer.status, ((await answer.json()) as { code: string }).code]
}

/** Says something worth keeping, and ends. */
const remember: Agent = async ({ run, started, appendTranscript }) => {
  await started()
  await appendTranscript([{ conversation: 'one', subpath: '', json: '{"said":"Hello"}' }])
  return completed(run.id)
}

const rest = (server: SessionServer, id: string) =>
  server.as(server.owner, `/api/runs/${id}/events`).then((answer) => answer.text())

describe('a session that is over', () => {
  it('a finished session is resumed as a new run, equal but for the prompt, with or without a body', async () => {
    const server = await openSessionServer({ agent: remember })
    const id = await startSession(server)
    await rest(server, id)
    const inits: [RequestInit, unknown][] = [
      [{ method: 'POST' }, expect.stringContaining('what is left')],
      [
        { method: 'POST', headers: { 'content-type': 'application/json' } },
        expect.stringContaining('what is left'),
      ],
      [post({}), expect.stringContaining('what is left')],
      [post({ prompt: 'Now the tests' }), 'Now the tests'],
    ]
    for (const [init, prompt] of inits) {
      const answer = await resume(server, id, init)
      const { run } = (await answer.json()) as Started
      expect([answer.status, answer.headers.get('location')]).toEqual([201, `/api/runs/${run.id}`])
      expect(run).toMatchObject({ resumes: id, spec: { project: 'web', approvals: 'on', prompt } })
      await rest(server, run.id)
    }
  })

  it('a session is not resumed for another user, with an invalid body, or if nothing of it is kept', async () => {
    const server = await openSessionServer({ agent: async ({ run }) => completed(run.id) })
    const id = await startSession(server)
    await rest(server, id)
    expect(await refused(await resume(server, nobodys))).toEqual([404, 'not_found'])
    expect(await refused(await resume(server, id, undefined, server.other))).toEqual([404, 'not_found'])
    expect(await refused(await resume(server, id, post({ prompt: ' ' })))).toEqual([400, 'invalid_request'])
    expect(await refused(await resume(server, id, post({ promt: 'Go' })))).toEqual([400, 'invalid_request'])
    expect(await refused(await resume(server, id))).toEqual([409, 'not_resumable'])
    const started = await server.as(
      server.owner,
      '/api/runs',
      post({ kind: 'job', project: 'web', tool: 'a' }),
    )
    const { run } = (await started.json()) as Started
    expect(await refused(await resume(server, run.id))).toEqual([409, 'not_resumable'])
  })

  it('sessions are resumed as often as the rate of starts allows', async () => {
    const server = await openSessionServer({ agent: remember, limits: { startsPerMinute: 1 } })
    const id = await startSession(server)
    await rest(server, id)
    const answer = await resume(server, id)
    expect(answer.headers.get('retry-after')).not.toBeNull()
    expect(await refused(answer)).toEqual([429, 'rate_limited'])
  })
})

it('a running session is not resumed', async () => {
  const server = await openSessionServer()
  const id = await startSession(server)
  expect(await refused(await resume(server, id))).toEqual([409, 'run_open'])
})

describe('what a session asks', () => {
  const asking: Agent = async ({ run, started, ask, emit, signal }) => {
    await started()
    const question = {
      toolUseId: 't1',
      tool: 'Bash',
      input: { command: 'make' },
      reason: 'It cannot be read.',
    }
    const answer = await ask(question)
    await emit([{ type: 'assistant', data: answer }])
    await untilAsked(signal)
    return completed(run.id)
  }

  async function asked() {
    const server = await openSessionServer({ agent: asking })
    const id = await startSession(server)
    const stream = await follow(`${server.url}/api/runs/${id}/events`, bearer(server.owner))
    await stream.has(3)
    const request = JSON.parse(stream.events[2]?.data ?? '{}') as { approvalId: string }
    const path = `/api/runs/${id}/approvals/${request.approvalId}`
    return { server, id, stream, path, request }
  }

  it('an approval may change the input and hold for the run; a denial may not', async () => {
    const { server, stream, path, request } = await asked()
    const more = { updatedInput: { command: 'make test' }, scope: 'run' }
    expect(await refused(await server.as(server.owner, path, post({ decision: 'deny', ...more })))).toEqual([
      400,
      'invalid_request',
    ])
    const answer = await server.as(server.owner, path, post({ decision: 'allow', ...more }))
    const { approvalId } = request
    const approval = { approvalId, decision: 'allow', by: 'person', user: 'olga', ...more }
    expect([answer.status, await answer.json()]).toEqual([200, { approval }])
    await stream.has(5)
    expect(JSON.parse(stream.events[3]?.data ?? '')).toEqual(approval)
    expect(JSON.parse(stream.events[4]?.data ?? '')).toMatchObject(more)
  })

  it('a question is answered once: the agent and followers see it, and a second answer is a 409', async () => {
    const { server, stream, path, request } = await asked()
    expect(stream.events[2]?.event).toBe('permission:requested')
    const { approvalId } = request
    const answer = await server.as(server.owner, path, post({ decision: 'deny', message: 'Not today' }))
    const approval = { approvalId, decision: 'deny', by: 'person', user: 'olga', message: 'Not today' }
    expect([answer.status, await answer.json()]).toEqual([200, { approval }])
    await stream.has(5)
    expect(stream.events[3]?.event).toBe('permission:resolved')
    expect(JSON.parse(stream.events[3]?.data ?? '')).toEqual(approval)
    expect(JSON.parse(stream.events[4]?.data ?? '')).toMatchObject({ decision: 'deny', message: 'Not today' })
    stream.close()
    const second = await server.as(server.owner, path, post({ decision: 'allow' }))
    expect(await refused(second)).toEqual([409, 'already_answered'])
  })

  it('a question is answered by its owner or an admin, with a decision, and only if it was asked', async () => {
    const { server, id, stream, path } = await asked()
    const allow = post({ decision: 'allow' })
    expect(await refused(await server.as(server.other, path, allow))).toEqual([404, 'not_found'])
    for (const body of [{}, { decision: 'perhaps' }, { decision: 'allow', user: 'ada' }]) {
      expect(await refused(await server.as(server.owner, path, post(body)))).toEqual([400, 'invalid_request'])
    }
    const elsewhere = `/api/runs/${id}/approvals/${nobodys}`
    expect(await refused(await server.as(server.owner, elsewhere, allow))).toEqual([404, 'not_found'])
    const answer = await server.as(server.admin, path, allow)
    expect(await answer.json()).toMatchObject({ approval: { decision: 'allow', by: 'person', user: 'ada' } })
    stream.close()
  })

  it('a question is withdrawn when the session ends', async () => {
    const { server, id, stream, path } = await asked()
    await server.as(server.owner, `/api/runs/${id}/abort`, { method: 'POST' })
    expect(await stream.over).toBe('end')
    expect(stream.events.map(({ event }) => event).slice(-2)).toEqual(['permission:resolved', 'aborted'])
    const late = await server.as(server.owner, path, post({ decision: 'allow' }))
    expect(await refused(late)).toEqual([409, 'already_answered'])
  })
})
