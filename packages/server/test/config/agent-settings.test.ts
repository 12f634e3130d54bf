import { describe, expect, it } from 'vitest'
import { agentProblems, reservedAgentOptions } from '#config/agent-settings'
import { problemsOf, workspace } from './workspace.ts'

describe('a configuration of the agent', () => {
  it('the agent section may hold every option of the SDK that is data', () => {
    const agent = {
      limits: { processes: 9 },
      maxTurns: 9,
      stallSeconds: 5,
      model: 'm',
      mcpServers: {},
      env: { FOO: 'bar' },
    }
    expect(agentProblems(agent)).toEqual([])
  })

  it('the agent section may not set the boundary, the permissions or the identity of a run', () => {
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

  it('every mistake in the agent section is reported at once, with the key that was meant', () => {
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
    expect(agentProblems({ env: ['x'] })).toEqual([
      { path: 'agent.env', expected: 'an object whose values are strings' },
    ])
  })

  it('problems of the agent section are reported together with all others', async () => {
    const root = workspace({
      'millrace.config.json': {
        projects: { a: { path: 'gone' } },
        agent: { permissionMode: 'plan' },
        limit: 1,
      },
    })
    const paths = (await problemsOf(root)).map(({ path }) => path)
    expect(paths.sort()).toEqual(['agent.permissionMode', 'limit', 'projects.a.path'])
  })
})
