/** Sessions with an agent that speaks ACP, as a whole: the program, the sandbox, the command line. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Run } from '@millrace/protocol'
import { scriptedAgentProgram } from '@millrace/scripted-model'
import { type AgentPlace, agentPlace } from '@millrace/test-support/agents'
import { processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url))
const agent = {
  command: ['node', scriptedAgentProgram],
  mode: 'default',
  env: { THE_KEY: { env: 'KEY_OF_THE_AGENT' } },
  read: [
    join(dirname(scriptedAgentProgram), '../..'),
    join(modules, '@agentclientprotocol/sdk'),
    join(modules, 'zod'),
  ],
}
let place: AgentPlace
let server: ServerProcess

beforeAll(async () => {
  place = await agentPlace({
    script: { name: 'none', steps: [{ reply: { content: [{ type: 'text', text: 'unused' }] } }] },
    config: { agents: { scripted: agent }, policy: { approvals: 'on' } },
  })
  server = await place.start({ env: { KEY_OF_THE_AGENT: 'made-up-key-of-the-agent' } })
})
afterAll(() => place.dispose())

async function call(
  path: string,
  init?: RequestInit,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await server.call(path, init)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function start(prompt: string, more: Record<string, unknown> = {}): Promise<Run> {
  const request = post({ kind: 'session', project: 'web', agent: 'scripted', prompt, ...more })
  const { status, body } = await call('/api/runs', request)
  expect([status, body.code]).toEqual([201, undefined])
  return body.run as Run
}

async function over(id: string): Promise<Run> {
  const run = async () => (await call(`/api/runs/${id}`)).body.run as Run
  await expect.poll(async () => (await run()).finishedAt).not.toBeNull()
  return run()
}

async function eventsOf(id: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const { body } = await call(`/api/runs/${id}/events?limit=1000`, {
    headers: { Accept: 'application/json' },
  })
  return body.events as never
}

describe('a session with another agent', () => {
  it('a session runs the agent that its request names, and its log has each update and no key', async () => {
    const run = await over(
      (await start('think hm\nwrite made.txt by an agent\nenvironment THE_KEY\nsay done')).id,
    )
    expect(run).toMatchObject({
      state: 'completed',
      spec: { agent: 'scripted' },
      result: { text: '[secret]done' },
    })
    expect(readFileSync(join(place.project(), 'made.txt'), 'utf8')).toBe('by an agent')
    const types = (await eventsOf(run.id)).map(({ type }) => type)
    expect(types.slice(0, 4)).toEqual(['run:queued', 'run:started', 'acp:session', 'acp:agent_thought_chunk'])
    expect(types.at(-1)).toBe('completed')
    const { body } = await call(`/api/runs/${run.id}/changes`)
    expect(body.files).toEqual([expect.objectContaining({ path: 'made.txt', additions: 1 })])
  })

  it('a person answers what the policy leaves open', async () => {
    const run = await start('mystery Frobnicate\nsay done')
    const asked = async () =>
      (await eventsOf(run.id)).find(({ type }) => type === 'permission:requested')?.data
    await expect.poll(asked).toMatchObject({ tool: 'undescribed', input: { title: 'Frobnicate' } })
    await call(`/api/runs/${run.id}/approvals/${(await asked())?.approvalId}`, post({ decision: 'allow' }))
    expect(await over(run.id)).toMatchObject({ state: 'completed' })
  })

  it('an aborted session leaves no process, and is resumed by the same agent', async () => {
    const run = await start('say remember\nescape\nrun sleep 1000')
    await expect.poll(async () => JSON.stringify(await eventsOf(run.id))).toContain('in_progress')
    expect((await call(`/api/runs/${run.id}/abort`, post({}))).status).toBe(200)
    expect((await over(run.id)).state).toBe('aborted')
    expect(processesWith(`MILLRACE_RUN_ID=${run.id}`)).toEqual([])
    const { status, body } = await call(`/api/runs/${run.id}/resume`, post({ prompt: 'history' }))
    expect(status).toBe(201)
    const resumed = await over((body.run as Run).id)
    expect(resumed).toMatchObject({
      state: 'completed',
      spec: { agent: 'scripted' },
      result: { text: 'say remember\nescape\nrun sleep 1000' },
    })
  })

  it('a message waits for its turn, and one that interrupts cuts the turn; the agent keeps what was said', async () => {
    const run = await start('say one\nrun sleep 1000')
    await expect.poll(async () => JSON.stringify(await eventsOf(run.id))).toContain('in_progress')
    const say = (text: string, mode: string) => call(`/api/runs/${run.id}/messages`, post({ text, mode }))
    expect((await say('say three', 'queue')).status).toBe(202)
    expect((await say('history\nsay two', 'interrupt')).status).toBe(202)
    expect(await over(run.id)).toMatchObject({ state: 'completed', result: { text: 'three', numTurns: 3 } })
    const events = await eventsOf(run.id)
    const said = events.flatMap(({ type, data }) =>
      type === 'acp:agent_message_chunk' ? [(data.content as { text: string }).text] : [],
    )
    expect(said).toEqual(['one', 'say one\nrun sleep 1000', 'two', 'three'])
    const stops = events.flatMap(({ type, data }) => (type === 'acp:turn_end' ? [data.stopReason] : []))
    expect(stops).toEqual(['cancelled', 'end_turn', 'end_turn'])
    expect(events.filter(({ type }) => type === 'message:delivered')).toHaveLength(2)
  })

  it('an execution on the agent reports its plan, its calls and its words in the events of executions', async () => {
    const task = 'plan Look*; Write\nthink hm\nrun echo out\nwrite /etc/passwd x\nsay done'
    const request = post({ kind: 'execution', project: 'web', task, model: 'acp:scripted' })
    const { status, body } = await call('/api/runs', request)
    expect([status, body.detail]).toEqual([201, undefined])
    const run = await over((body.run as Run).id)
    expect(run).toMatchObject({ state: 'completed', result: { text: 'done' } })
    const events = (await eventsOf(run.id)).filter(({ type }) => !type.startsWith('run:'))
    const types = events.map(({ type }) => type)
    expect(types).toEqual(
      expect.arrayContaining(['execution:started', 'plan:created', 'thinking', 'text:delta']),
    )
    expect(types.at(-1)).toBe('execution:complete')
    const ends = events
      .filter(({ type }) => type === 'tool:complete')
      .map(({ data }) => [data.toolName, data.status, data.result])
    expect(ends).toEqual([
      ['execute', 'ok', 'out\n'],
      ['edit', 'denied', 'answered with option-reject_once'],
    ])
    const refused = await call(
      '/api/runs',
      post({ kind: 'execution', project: 'web', task, model: 'acp:nobody' }),
    )
    expect([refused.status, refused.body.detail]).toEqual([
      400,
      expect.stringContaining('one of acp:scripted'),
    ])
  })

  it('a request for an unknown agent is refused with a list of the known ones', async () => {
    const request = post({ kind: 'session', project: 'web', prompt: 'x', agent: 'gemini' })
    const { status, body } = await call('/api/runs', request)
    expect(status).toBe(400)
    expect(body.detail).toMatch(/one of the agents claude, scripted: "gemini" is not in the configuration/)
  })

  it('millrace ask --agent shows what the agent says and does', async () => {
    const cli = fileURLToPath(new URL('../packages/server/bin/millrace.js', import.meta.url))
    const args = ['ask', 'say hello\nrun echo out', '--agent', 'scripted', '--url', server.url]
    const env = { ...process.env, MILLRACE_TOKEN: server.token }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [cli, ...args], { env })
    expect(stdout).toBe('hello\n')
    expect(stderr).toMatch(/^● .*echo out$/m)
    expect(stderr).toMatch(/^ {2}out$/m)
  })
})
