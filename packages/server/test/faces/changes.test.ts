/** What a session did at a glance, over real HTTP. */
import type { RunChangesResponse } from '@millrace/protocol'
import { expect, it } from 'vitest'
import { post } from '#test/security/support/server'
import { type Agent, completed, openSessionServer, type SessionServer } from './support/session-server.ts'

const user = (structured: unknown, more: object = {}) => ({
  type: 'user',
  data: {
    type: 'user',
    message: { content: [{ type: 'tool_result', tool_use_id: 'b', content: '', ...more }] },
    tool_use_result: structured,
  },
})
const command = {
  type: 'assistant',
  data: {
    message: { content: [{ type: 'tool_use', id: 'b', name: 'Bash', input: { command: 'npm test' } }] },
  },
}
const written = { type: 'create', filePath: '/project/a.txt', content: 'a\n', structuredPatch: [] }
const delta = { type: 'stream_event', data: { type: 'stream_event', event: {} } }

async function startSession(server: SessionServer): Promise<string> {
  const body = { kind: 'session', project: 'web', prompt: 'Go' }
  const answer = await server.as(server.owner, '/api/runs', post(body))
  return ((await answer.json()) as { run: { id: string } }).run.id
}

async function changesOf(server: SessionServer, id: string): Promise<RunChangesResponse> {
  const answer = await server.as(server.owner, `/api/runs/${id}/changes`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as RunChangesResponse
}

it('the changes of a session are read from its whole log, however long it is', async () => {
  const agent: Agent = async ({ run, started, emit }) => {
    await started()
    await emit([{ type: 'system', data: { subtype: 'init', cwd: '/project' } }])
    await emit([user(written), ...Array.from({ length: 2500 }, () => delta), command])
    await emit([user({}, { is_error: true, content: 'Exit code 1' })])
    await emit([{ type: 'result', data: { type: 'result', total_cost_usd: 0.02 } }])
    return completed(run.id)
  }
  const server = await openSessionServer({ agent })
  const id = await startSession(server)
  await server.as(server.owner, `/api/runs/${id}/events`).then((answer) => answer.text())
  const expected = {
    files: [{ path: 'a.txt', status: 'added', additions: 1, deletions: 0, diff: '@@ -0,0 +1 @@\n+a' }],
    filesLeftOut: 0,
    commands: [{ command: 'npm test', status: 'error', exitCode: 1 }],
    commandsLeftOut: 0,
    costUsd: 0.02,
    complete: true,
  }
  const answers = await Promise.all([changesOf(server, id), changesOf(server, id)])
  expect(answers).toEqual([expected, expected])
})

it('the changes of a session that works are those of its log so far', async () => {
  const seen = Promise.withResolvers<void>()
  const agent: Agent = async ({ run, started, emit }) => {
    await started()
    await emit([command])
    await seen.promise
    return completed(run.id)
  }
  const server = await openSessionServer({ agent })
  const id = await startSession(server)
  await expect.poll(async () => (await changesOf(server, id)).commands).toMatchObject([{ status: 'running' }])
  seen.resolve()
  await server.as(server.owner, `/api/runs/${id}/events`).then((answer) => answer.text())
  expect((await changesOf(server, id)).commands).toMatchObject([{ status: 'cancelled' }])
})
