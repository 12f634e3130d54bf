/** The policy's hold on real sessions: a denied call does not happen, whatever fails on the way. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from '@millrace/scripted-model'
import { describe, expect, it } from 'vitest'
import { openSessions, say, serve, toolResults, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const file = (name: string) => join(sessions.project, name)

const unreadable = "python3 -c \"open('unreadable.txt', 'w')\""

/** The agent makes these calls, one per turn, then ends. */
function calls(...list: [tool: string, input: Record<string, unknown>][]): Step[] {
  return [...list.map(([tool, input], index) => use(tool, input, { turn: index + 1 })), say('I see.')]
}

describe('a call that the policy denies', () => {
  it('a denied call does not happen, reaches the agent as an error with the reason, and is reported once; unreadable bash is denied where approvals are off', async () => {
    const model = await serve(
      calls(
        ['Bash', { command: 'cat /proc/1/environ' }],
        ['Write', { file_path: '/tmp/../etc/made.txt', content: 'x' }],
        ['EnterPlanMode', {}],
        // Cannot be read, and nobody may be asked.
        ['Bash', { command: unreadable }],
        ['Bash', { command: 'echo fine > fine.txt' }],
      ),
    )
    const { context, outcome } = await sessions.run(model, { policy: { unreadableBash: 'ask' } })
    expect(outcome.state).toBe('completed')
    const results = toolResults(context)
    const denied = context.of('permission:denied')
    expect(denied.map(({ tool }) => tool)).toEqual(['Bash', 'Write', 'EnterPlanMode', 'Bash'])
    for (const [index, { toolUseId, reason }] of denied.entries()) {
      expect(results[index]).toMatchObject({ id: toolUseId, isError: true })
      expect(results[index]?.text).toContain(JSON.stringify(reason).slice(1, -1))
    }
    expect(context.warnings.map(({ about }) => about.toolUseId)).toEqual(
      denied.map(({ toolUseId }) => toolUseId),
    )
    // Allowed calls are not logged.
    expect(results[4]).toMatchObject({ isError: false })
    expect(context.questions).toEqual([])
    expect(readFileSync(file('fine.txt'), 'utf8')).toBe('fine\n')
  })

  it('a denied call of a subagent does not happen either', async () => {
    const model = await serve([
      use(
        'Agent',
        { description: 'sub', prompt: 'SUBTASK', subagent_type: 'general-purpose' },
        { text: 'Go' },
      ),
      use('Bash', { command: 'cat /proc/1/environ' }, { text: 'SUBTASK' }),
      say('I see.'),
    ])
    const { context, outcome } = await sessions.run(model)
    expect(outcome.state).toBe('completed')
    expect(context.of('permission:denied')).toMatchObject([
      { tool: 'Bash', input: { command: 'cat /proc/1/environ' }, agentId: expect.any(String) },
    ])
  })
})

describe('a tool of an MCP server', () => {
  const server = file('docs.mjs')
  const program = { type: 'stdio', command: 'node', args: [server] }
  const agent = { mcpServers: { docs: program, other: program } }

  it('a tool of an MCP server is denied unless the configuration lists it or its server', async () => {
    writeFileSync(server, mcpServer)
    const steps = calls(['mcp__docs__search', { query: 'millrace' }], ['mcp__other__search', { query: 'x' }])
    const policy = { allowedTools: ['mcp__docs__*'] }
    const { context } = await sessions.run(await serve(steps), { agent, policy })
    expect(context.of('permission:denied')).toMatchObject([{ tool: 'mcp__other__search' }])
    expect(toolResults(context).map(({ isError }) => isError)).toEqual([false, true])
    expect(toolResults(context)[0]?.text).toContain('found millrace')
  })
})

describe('a policy that fails', () => {
  it('a policy that fails denies every call, even those that the SDK itself would not ask about', async () => {
    const model = await serve(
      calls(['Bash', { command: 'ls' }], ['Write', { file_path: '{{cwd}}/no.txt', content: 'x' }]),
    )
    const { context } = await sessions.run(model, {
      options: {
        createPolicy: () => ({
          decide: () => {
            throw new Error('out of order')
          },
        }),
      },
    })
    expect(existsSync(file('no.txt'))).toBe(false)
    expect(toolResults(context).map(({ isError }) => isError)).toEqual([true, true])
    expect(context.of('permission:denied').map(({ reason }) => reason)).toEqual([
      'The policy could not judge this call: out of order.',
      'The policy could not judge this call: out of order.',
    ])
  })
})

describe("a project's own settings of the SDK", () => {
  it('a project’s own settings do not loosen the policy, even if the configuration loads them', async () => {
    const answer = { hookEventName: 'PreToolUse', permissionDecision: 'allow' }
    const command = `echo '${JSON.stringify({ hookSpecificOutput: answer })}'`
    const permissions = { allow: ['Bash', 'Write'], defaultMode: 'bypassPermissions' }
    const allowing = { permissions, hooks: { PreToolUse: [{ hooks: [{ type: 'command', command }] }] } }
    mkdirSync(file('.claude'))
    for (const settings of [allowing, { permissions, disableAllHooks: true }]) {
      writeFileSync(file('.claude/settings.json'), JSON.stringify(settings))
      const model = await serve(calls(['Bash', { command: 'kill -9 1; touch loosened.txt' }]))
      const { context } = await sessions.run(model, { agent: { settingSources: ['project'] } })
      expect(toolResults(context)).toMatchObject([{ isError: true }])
      expect(context.of('permission:denied')).toHaveLength(1)
      expect(existsSync(file('loosened.txt'))).toBe(false)
    }
    rmSync(file('.claude'), { recursive: true })
  })
})

describe('a policy that takes too long', () => {
  it('a policy that takes too long blocks the call, and a late permission changes nothing', async () => {
    const model = await serve(calls(['Bash', { command: 'touch too-late.txt' }]))
    const { context } = await sessions.run(model, {
      options: {
        hookTimeoutSeconds: 1,
        createPolicy: () => ({
          decide: () => {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000)
            return { decision: 'allow' }
          },
        }),
      },
    })
    expect(existsSync(file('too-late.txt'))).toBe(false)
    expect(toolResults(context)).toMatchObject([{ isError: true }])
  })
})

describe('a call that people are asked about', () => {
  const asking = { approvals: 'on', policy: { unreadableBash: 'ask' } } as const
  const command = "python3 -c \"open('asked.txt', 'w')\""

  it('a call that people are asked about waits for the answer, and runs when it is allowed', async () => {
    const model = await serve(calls(['Bash', { command }]))
    const { context, run } = sessions.prepare(model, asking)
    const asked = Promise.withResolvers<void>()
    const answered = Promise.withResolvers<void>()
    context.answer = async () => {
      asked.resolve()
      await answered.promise
      return { decision: 'allow', by: 'person' }
    }
    const ended = run()
    await asked.promise
    expect(existsSync(file('asked.txt'))).toBe(false)
    answered.resolve()
    expect((await ended).outcome.state).toBe('completed')
    expect(existsSync(file('asked.txt'))).toBe(true)
    expect(context.questions).toEqual([
      { toolUseId: expect.any(String), tool: 'Bash', input: { command }, reason: expect.any(String) },
    ])
    expect(context.of('permission:denied')).toEqual([])
  })

  it('a call does not run when a person refuses or nobody answers, and the agent learns what they said', async () => {
    const refused = ['refused', 'expired'].map((name) => `python3 -c "open('${name}.txt', 'w')"`)
    const model = await serve(
      calls(...refused.map((one): Parameters<typeof calls>[0] => ['Bash', { command: one }])),
    )
    const { context, run } = sessions.prepare(model, asking)
    context.answer = async ({ input }) =>
      JSON.stringify(input).includes('refused.txt')
        ? { decision: 'deny', by: 'person', message: 'not today' }
        : { decision: 'deny', by: 'expiry' }
    await run()
    for (const name of ['refused.txt', 'expired.txt']) expect(existsSync(file(name))).toBe(false)
    const results = toolResults(context)
    expect(results.map(({ isError }) => isError)).toEqual([true, true])
    expect(results[0]?.text).toContain('not today')
    expect(results[1]?.text).toContain('Nobody answered in time')
    expect(context.warnings).toHaveLength(2)
  })

  it('where approvals are on, unreadable bash is asked about by default; the input that a person put in its place runs, and the same call again is not asked about', async () => {
    const changed = "python3 -c \"open('changed.txt', 'a').write('x')\""
    const model = await serve(
      calls(
        ['Bash', { command: "python3 -c \"open('unchanged.txt', 'w')\"" }],
        ['Bash', { command: changed, description: 'Writes again' }],
      ),
    )
    const { context, run } = sessions.prepare(model, { approvals: 'on' })
    context.answer = async () => ({
      decision: 'allow',
      by: 'person',
      updatedInput: { command: changed },
      scope: 'run',
    })
    expect((await run()).outcome.state).toBe('completed')
    expect(existsSync(file('unchanged.txt'))).toBe(false)
    expect(readFileSync(file('changed.txt'), 'utf8')).toBe('xx')
    expect(context.questions).toHaveLength(1)
  })

  it('an open approval is withdrawn when the run ends: no further model request, no process left', async () => {
    const model = await serve(calls(['Bash', { command: "python3 -c \"open('late.txt', 'w')\"" }]))
    const { context, run } = sessions.prepare(model, asking)
    context.answer = () => {
      context.end()
      return new Promise(() => {})
    }
    await run()
    expect(existsSync(file('late.txt'))).toBe(false)
    expect(model.requests).toHaveLength(1)
    expect(context.outline.at(-1)).toBe('assistant')
  })
})

/** The smallest MCP server. */
const mcpServer = `
import { createInterface } from 'node:readline'
const results = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'docs', version: '1' } }),
  'tools/list': () => ({ tools: [{ name: 'search', description: 'Searches.', inputSchema: { type: 'object', properties: { query: { type: 'string' } } } }] }),
  'tools/call': (params) => ({ content: [{ type: 'text', text: 'found ' + params.arguments.query }] }),
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const answer = results[method] ? { result: results[method](params) } : { error: { code: -32601, message: method } }
  console.log(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
})
`
