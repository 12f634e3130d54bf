import { describe, expect, it } from 'vitest'
import { allowedEnvironment, sessionEnvironment } from '../../../src/runners/claude/environment.ts'
import { agentOptions, agentProblems, reservedAgentOptions } from '../../../src/runners/claude/options.ts'

describe('the options of a session', () => {
  it('are those of the contract', () => {
    expect(agentOptions()).toEqual({
      includePartialMessages: true,
      permissionMode: 'default',
      disallowedTools: ['KillBash', 'NotebookEdit', 'ExitPlanMode', 'AskUserQuestion'],
      maxTurns: 50,
      maxBudgetUsd: 5,
      settingSources: [],
      systemPrompt: {
        type: 'preset',
        preset: 'claude_code',
        append: expect.stringContaining('Ask no questions'),
      },
    })
  })

  it('can be set in the configuration, whose own keys do not reach the SDK', () => {
    const options = agentOptions({
      maxTurns: 7,
      effort: 'low',
      stallSeconds: 5,
      disallowedTools: ['WebFetch', 'KillBash'],
      systemPrompt: 'You are a release bot.',
      env: { A: 'b' },
    })
    expect(options).toMatchObject({ maxTurns: 7, effort: 'low', systemPrompt: 'You are a release bot.' })
    expect(options.disallowedTools).toEqual([
      'KillBash',
      'NotebookEdit',
      'ExitPlanMode',
      'AskUserQuestion',
      'WebFetch',
    ])
    expect(options).not.toHaveProperty('stallSeconds')
    expect(options).not.toHaveProperty('env')
  })
})

describe('a configuration of the agent', () => {
  it('may hold whatever is data', () => {
    const agent = { maxTurns: 9, stallSeconds: 5, model: 'm', mcpServers: {}, env: { FOO: 'bar' } }
    expect(agentProblems(agent)).toEqual([])
  })

  it('may not touch the boundary, the permissions or the identity of a run', () => {
    const reserved = ['cwd', 'hooks', 'canUseTool', 'allowedTools', 'permissionMode', 'resume', 'sessionId']
    const more = [
      'settings',
      'extraArgs',
      'spawnClaudeCodeProcess',
      'sandbox',
      'abortController',
      'sessionStore',
    ]
    for (const key of [...reserved, ...more]) {
      expect(agentProblems({ [key]: 'x' }), key).toEqual([
        { path: `agent.${key}`, expected: reservedAgentOptions[key] },
      ])
    }
  })

  it('is told of every slip at once, with what was meant', () => {
    const problems = agentProblems({
      maxTurn: 9,
      model: '',
      disallowedTools: 'Bash',
      pathToClaudeCodeExecutable: 'claude',
      env: { ANTHROPIC_API_KEY: 'x', path: '/x', 'A=B': 'x', N: 7 },
    })
    expect(problems.map(({ path }) => path)).toEqual([
      'agent.maxTurn',
      'agent.model',
      'agent.disallowedTools',
      'agent.pathToClaudeCodeExecutable',
      'agent.env.ANTHROPIC_API_KEY',
      'agent.env.path',
      'agent.env.A=B',
      'agent.env.N',
    ])
    expect(problems[0]?.expected).toContain('did you mean "maxTurns"?')
    expect(agentProblems({ env: ['x'] })).toEqual([{ path: 'agent.env', expected: 'an object of texts' }])
  })
})

describe('the environment of a session', () => {
  const gateway = { url: 'http://127.0.0.1:1', token: 'token' }

  it('is what we set and what the SDK says about itself, whatever else it wants to hand on', () => {
    const ours = sessionEnvironment({ env: { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'intern' } }, gateway)
    expect(ours).toMatchObject({
      ANTHROPIC_BASE_URL: gateway.url,
      ANTHROPIC_AUTH_TOKEN: gateway.token,
      HTTPS_PROXY: 'http://proxy',
      NO_PROXY: 'intern,127.0.0.1,localhost',
    })
    const given = { ...ours, CLAUDE_AGENT_SDK_VERSION: '1', AWS_SECRET_ACCESS_KEY: 'x', LANG: 'other' }
    expect(allowedEnvironment(given, ours)).toEqual({ ...ours, CLAUDE_AGENT_SDK_VERSION: '1' })
  })

  it('keeps its own names, whatever the configuration says', () => {
    const env = { CLAUDE_CODE_DISABLE_FILE_MENTIONS: '0', MILLRACE_X: 'x', LANG: 'de_DE.UTF-8' }
    const ours = sessionEnvironment({ env }, gateway)
    expect(ours).toMatchObject({ CLAUDE_CODE_DISABLE_FILE_MENTIONS: '1', LANG: 'de_DE.UTF-8' })
    expect(ours).not.toHaveProperty('MILLRACE_X')
  })
})
