/** `millrace acp`, driven by the client of the ACP SDK: the real program, a real server, real agents. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import * as acp from '@agentclientprotocol/sdk'
import { scriptedAgentProgram } from '@millrace/scripted-model'
import { type AgentPlace, agentPlace } from '@millrace/test-support/agents'
import type { ServerProcess } from '@millrace/test-support/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const cli = fileURLToPath(new URL('../packages/server/bin/millrace.js', import.meta.url))
const modules = fileURLToPath(new URL('../node_modules/', import.meta.url))
const read = [
  join(dirname(scriptedAgentProgram), '../..'),
  join(modules, '@agentclientprotocol/sdk'),
  join(modules, 'zod'),
]
const scripted = { command: ['node', scriptedAgentProgram], mode: 'default', read }

let place: AgentPlace
let server: ServerProcess
const editors: ChildProcess[] = []

beforeAll(async () => {
  place = await agentPlace({
    script: {
      name: 'an editor',
      steps: [
        {
          when: { turn: 1 },
          reply: {
            content: [
              { type: 'text', text: ['I ', 'write.'] },
              {
                type: 'tool_use',
                name: 'Write',
                input: { file_path: '{{cwd}}/made.txt', content: 'by claude' },
              },
            ],
          },
        },
        { reply: { content: [{ type: 'text', text: ['All ', 'done.'] }] } },
      ],
    },
    config: { agents: { scripted }, policy: { approvals: 'on' } },
  })
  server = await place.start()
})
afterEach(async () => {
  for (const editor of editors.splice(0)) {
    editor.stdin?.end()
    if (editor.exitCode === null) await once(editor, 'exit')
  }
})
afterAll(() => place.dispose())

interface Editor {
  agent: acp.ClientContext
  updates: acp.SessionUpdate[]
  asked: acp.RequestPermissionRequest[]
  forms: acp.CreateElicitationRequest[]
  /** What was said, in the order in which it came. */
  said(): string[]
  leave(): Promise<void>
}

async function open(
  args: readonly string[],
  fill: readonly acp.CreateElicitationResponse[] = [],
): Promise<Editor> {
  const env = { ...process.env, MILLRACE_TOKEN: server.token, XDG_STATE_HOME: join(place.path, 'state') }
  const child = spawn(process.execPath, [cli, 'acp', '--url', server.url, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  editors.push(child)
  const updates: acp.SessionUpdate[] = []
  const forms: acp.CreateElicitationRequest[] = []
  const asked: acp.RequestPermissionRequest[] = []
  const { agent } = acp
    .client({ name: 'test' })
    .onNotification('session/update', ({ params }) => void updates.push(params.update))
    .onRequest('session/request_permission', ({ params }) => {
      asked.push(params)
      return { outcome: { outcome: 'selected', optionId: 'allow' } }
    })
    .onRequest('elicitation/create', ({ params }) => {
      forms.push(params)
      return fill[forms.length - 1] ?? { action: 'cancel' }
    })
    .connect(
      acp.ndJsonStream(
        Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
        Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      ),
    )
  const { protocolVersion, agentCapabilities } = await agent.request('initialize', {
    protocolVersion: 1,
    clientCapabilities: fill.length === 0 ? {} : { elicitation: { form: {} } },
  })
  expect([protocolVersion, agentCapabilities?.loadSession]).toEqual([1, true])
  const said = () =>
    updates.flatMap((update) => {
      if (!('content' in update) || !update.sessionUpdate.endsWith('_message_chunk')) return []
      return [`${update.sessionUpdate.split('_')[0]}: ${(update.content as { text: string }).text}`]
    })
  const leave = async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
  return { agent, updates, asked, forms, said, leave }
}

function prompt({ agent }: Editor, sessionId: string, text: string): Promise<acp.PromptResponse> {
  return agent.request('session/prompt', { sessionId, prompt: [{ type: 'text', text }] })
}

describe('millrace acp', () => {
  it('an editor talks to a session, answers its questions, leaves, and finds everything there', async () => {
    const first = await open(['--agent', 'scripted'])
    const { sessionId } = await first.agent.request('session/new', { cwd: place.project(), mcpServers: [] })
    expect(await prompt(first, sessionId, 'say one\nmystery Frobnicate')).toEqual({ stopReason: 'end_turn' })
    expect(first.asked).toEqual([
      expect.objectContaining({
        toolCall: expect.objectContaining({ title: expect.stringContaining('Frobnicate') }),
      }),
    ])
    expect(await prompt(first, sessionId, 'say two\nhistory')).toEqual({ stopReason: 'end_turn' })
    expect(first.said()).toEqual(['agent: one', 'agent: two', 'agent: say one\nmystery Frobnicate'])
    const calls = first.updates.filter(({ sessionUpdate }) => sessionUpdate.startsWith('tool_call'))
    expect(calls.map((call) => (call as acp.ToolCallUpdate).status)).toEqual([
      'pending',
      'in_progress',
      'completed',
    ])
    await first.leave()

    const second = await open(['--agent', 'scripted'])
    await second.agent.request('session/load', { sessionId, cwd: place.project(), mcpServers: [] })
    await expect
      .poll(() => second.said())
      .toEqual([
        'user: say one\nmystery Frobnicate',
        'agent: one',
        'user: say two\nhistory',
        'agent: two',
        'agent: say one\nmystery Frobnicate',
      ])
    const stopped = prompt(second, sessionId, 'say waiting\nwait')
    await expect.poll(() => second.said().at(-1)).toBe('agent: waiting')
    await second.agent.notify('session/cancel', { sessionId })
    expect(await stopped).toEqual({ stopReason: 'cancelled' })
    expect(await prompt(second, sessionId, 'say back\nhistory')).toEqual({ stopReason: 'end_turn' })
    expect(second.said().at(-1)).toMatch(/^agent: .*say one.*say two.*say waiting/s)
    const { sessions } = await second.agent.request('session/list', {})
    expect(sessions).toEqual(expect.arrayContaining([expect.objectContaining({ title: 'say one' })]))
    await second.agent.notify('session/cancel', { sessionId })
    await second.leave()
    await endAll()
  })

  it('an editor that shows forms is asked what an agent wants to know, again until the answer fits, and another is not', async () => {
    const schema = {
      type: 'object',
      properties: { copies: { type: 'integer', maximum: 3 } },
      required: ['copies'],
    }
    const text = `form ${JSON.stringify(schema)}`
    const answers = [4, 2].map((copies) => ({ action: 'accept', content: { copies } }) as const)
    const able = await open(['--agent', 'scripted'], [...answers, { action: 'decline' }])
    const { sessionId } = await able.agent.request('session/new', { cwd: place.project(), mcpServers: [] })
    expect(await prompt(able, sessionId, `${text}\n${text}`)).toEqual({ stopReason: 'end_turn' })
    expect(able.said()).toEqual([
      'agent: {"action":"accept","content":{"copies":2}}',
      'agent: {"action":"decline"}',
    ])
    expect(able.forms.map(({ message }) => message)).toEqual([
      'Please fill in',
      expect.stringMatching(/^Please fill in\n\n.*values.copies: at most 3/),
      'Please fill in',
    ])
    expect(able.forms[0]).toMatchObject({ mode: 'form', sessionId, requestedSchema: schema })
    await endAll()
    const stubborn = await open(['--agent', 'scripted'], Array(20).fill(answers[0]))
    const wrong = await stubborn.agent.request('session/new', { cwd: place.project(), mcpServers: [] })
    void prompt(stubborn, wrong.sessionId, text).catch(() => {})
    await expect.poll(() => stubborn.forms.length).toBe(10)
    await endAll()
    expect(stubborn.forms).toHaveLength(10)
    const unable = await open(['--agent', 'scripted'])
    const other = await unable.agent.request('session/new', { cwd: place.project(), mcpServers: [] })
    expect(await prompt(unable, other.sessionId, text)).toEqual({ stopReason: 'end_turn' })
    expect(unable.said()).toEqual([expect.stringMatching(/^agent: refused: -32601/)])
    await endAll()
  })

  it('the built-in agent shows its texts once, and its edits as diffs', async () => {
    const editor = await open([])
    const { sessionId } = await editor.agent.request('session/new', { cwd: '/elsewhere', mcpServers: [] })
    expect(await prompt(editor, sessionId, 'Write a file')).toEqual({ stopReason: 'end_turn' })
    expect(editor.said()).toEqual(['agent: I ', 'agent: write.', 'agent: All ', 'agent: done.'])
    expect(readFileSync(join(place.project(), 'made.txt'), 'utf8')).toBe('by claude')
    const path = join(place.project(), 'made.txt')
    expect(editor.updates).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          sessionUpdate: 'tool_call',
          kind: 'edit',
          content: [{ type: 'diff', path, newText: 'by claude' }],
        }),
        expect.objectContaining({ sessionUpdate: 'tool_call_update', status: 'completed' }),
      ]),
    )
    await endAll()
  })

  it('an unknown session, and a server that refuses, are errors that say why', async () => {
    const editor = await open(['--agent', 'nobody'])
    const { sessionId } = await editor.agent.request('session/new', { cwd: place.project(), mcpServers: [] })
    await expect(prompt(editor, sessionId, 'x')).rejects.toThrow(/"nobody" is not in the configuration/)
    await expect(prompt(editor, 'other', 'x')).rejects.toMatchObject({ code: -32002 })
    const missing = editor.agent.request('session/load', { sessionId: 'gone', cwd: '/', mcpServers: [] })
    await expect(missing).rejects.toThrow(/run/i)
  })
})

/** Interactive sessions would wait for more. */
async function endAll(): Promise<void> {
  const { runs } = (await (await server.call('/api/runs?kind=session')).json()) as { runs: { id: string }[] }
  for (const { id } of runs) await server.call(`/api/runs/${id}/abort`, { method: 'POST' })
}
