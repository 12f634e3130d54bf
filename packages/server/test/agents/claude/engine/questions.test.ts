/** Questions of real sessions that are not about permission: the SDK's own tool, and the elicitation of an MCP server. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { questionsIn } from '#agents/claude/engine/questions'
import type { RecordingContext } from '#test/agents/claude/support/context'
import { openSessions, say, serve, toolResults, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const never = () => new Promise<never>(() => {})
const input = {
  questions: [
    {
      question: 'Which database?',
      header: 'Database',
      multiSelect: false,
      options: [
        { label: 'Postgres', description: 'What production has' },
        { label: 'SQLite', description: 'Nothing to install' },
      ],
    },
    {
      question: 'Which tests?',
      header: 'Tests',
      multiSelect: true,
      options: [
        { label: 'Unit', description: 'Fast' },
        { label: 'System', description: 'Slow' },
      ],
    },
  ],
}
const asks = [use('AskUserQuestion', input), say('I see.')]
const values = { question1: 'SQLite', question2: ['Unit', 'A browser'] }

describe('a session that may ask people', () => {
  it('the questions of an agent are a form, and it reads the answers of people', async () => {
    const model = await serve(asks)
    const { context, run } = sessions.prepare(model, { questions: 'on' })
    context.answer = async () => ({ decision: 'allow', by: 'person', values })
    expect((await run()).outcome.state).toBe('completed')
    expect(context.questions).toMatchObject([
      {
        tool: 'AskUserQuestion',
        form: {
          message: 'Which database?\nWhich tests?',
          schema: {
            required: ['question1', 'question2'],
            properties: {
              question1: { type: 'string', title: 'Database', description: 'Which database?', other: true },
              question2: { type: 'array', items: { anyOf: [{ const: 'Unit' }, { const: 'System' }] } },
            },
          },
        },
      },
    ])
    const [result] = toolResults(context)
    expect(result).toMatchObject({ isError: false })
    for (const words of ['Which database?', 'SQLite', 'Which tests?', 'Unit, A browser'])
      expect(result?.text).toContain(words)
  })

  it('an agent whose question a person declines reads why, and works on', async () => {
    const model = await serve(asks)
    const { context, run } = sessions.prepare(model, { questions: 'on' })
    context.answer = async () => ({ decision: 'deny', by: 'person', message: 'You choose' })
    expect((await run()).outcome.state).toBe('completed')
    expect(toolResults(context)[0]).toMatchObject({
      isError: true,
      text: expect.stringContaining('You choose'),
    })
  })

  it('without the option the tool is not offered, and a call of it asks nobody', async () => {
    const model = await serve(asks)
    const { context, run } = sessions.prepare(model)
    expect((await run()).outcome.state).toBe('completed')
    expect(context.questions).toEqual([])
    expect(toolResults(context)[0]).toMatchObject({ isError: true })
    expect(offered(model.requests)).not.toContain('AskUserQuestion')
  })

  it('a question parks its session, and the answer wakes it', async () => {
    const settings = { questions: 'on', policy: { parkAfterSeconds: 0 } } as const
    const model = await serve(asks)
    const { context: parked, stop } = sessions.prepare(model, settings)
    parked.answer = never
    expect((await stop()).outcome.state).toBe('parked')
    const { context, run } = sessions.prepare(model, settings)
    wake(context, parked)
    context.answer = async () => ({ decision: 'allow', by: 'person', values })
    expect((await run()).outcome.state).toBe('completed')
    expect(toolResults(context)).toMatchObject([{ isError: false, text: expect.stringContaining('SQLite') }])
  })

  it('a form of an MCP server reaches people, and their values reach the server; one that nobody can answer is cancelled', async () => {
    const server = join(sessions.project, 'asking-server.mjs')
    writeFileSync(server, askingServer)
    onTestFinished(() => rmSync(server))
    const model = await serve([use('mcp__forms__register', {}), say('I see.')])
    const { context, run } = sessions.prepare(model, {
      questions: 'on',
      policy: { allowedTools: ['mcp__forms__register'] },
      agent: { mcpServers: { forms: { type: 'stdio', command: 'node', args: [server] } } },
    })
    context.answer = async () => ({ decision: 'allow', by: 'person', values: { name: 'Ada' } })
    expect((await run()).outcome.state).toBe('completed')
    expect(context.questions).toMatchObject([
      {
        tool: 'mcp__forms',
        form: { message: 'Who are you?', schema: { properties: { name: { type: 'string' } } } },
      },
    ])
    expect(toolResults(context)[0]?.text).toContain('Ada')
    expect(toolResults(context)[0]?.text).toContain('cancel')
    expect(context.of('permission:denied')).toMatchObject([
      { tool: 'mcp__forms', reason: expect.stringContaining('it requires "nothing"') },
    ])
  })
})

describe('the questions of the SDK’s tool', () => {
  it('an input that is no list of questions, and another tool, are no form', () => {
    for (const odd of [null, {}, { questions: [] }, { questions: [{ question: 1 }] }])
      expect(questionsIn({ tool: 'AskUserQuestion', input: odd })).toBeUndefined()
    expect(questionsIn({ tool: 'Bash', input })).toBeUndefined()
  })
})

function wake(context: RecordingContext, parked: RecordingContext): void {
  context.transcript.push(...parked.transcript)
  Object.assign(context.run, { id: parked.run.id, attempt: 2 })
  context.woken = { usage: null, begins: async () => {} }
}

function offered(requests: readonly { body: unknown }[]): string[] {
  return requests.flatMap(({ body }) =>
    ((body as { tools?: { name: string }[] }).tools ?? []).map(({ name }) => name),
  )
}

/** An MCP server with one tool, which asks for a name. */
const askingServer = `
import { createInterface } from 'node:readline'
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
let call
const results = []
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params, result } = JSON.parse(line)
  if (method === 'initialize') {
    send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'forms', version: '1' } } })
  } else if (method === 'tools/list') {
    send({ id, result: { tools: [{ name: 'register', description: 'Registers', inputSchema: { type: 'object' } }] } })
  } else if (method === 'tools/call') {
    call = id
    const requestedSchema = { type: 'object', properties: {}, required: ['nothing'] }
    send({ id: 'odd', method: 'elicitation/create', params: { message: 'Who is nobody?', requestedSchema } })
  } else if (id === 'odd') {
    results.push(result)
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
    send({ id: 'ask', method: 'elicitation/create', params: { message: 'Who are you?', requestedSchema } })
  } else if (id === 'ask') {
    send({ id: call, result: { content: [{ type: 'text', text: JSON.stringify([...results, result]) }] } })
  } else if (method !== undefined && id !== undefined) {
    send({ id, result: {} })
  }
})
`
