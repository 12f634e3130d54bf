import { describe, expect, it } from 'vitest'
import { agentOptions } from '#agents/claude/engine/options'
import { agentEnvironment, allowedEnvironment } from '#agents/claude/process/environment'
import { isReservedVariable } from '#config/agent-settings'

describe('the options of a session', () => {
  it('the options of a session are the documented ones', () => {
    expect(agentOptions()).toEqual({
      includePartialMessages: true,
      permissionMode: 'default',
      disallowedTools: ['KillBash', 'NotebookEdit', 'ExitPlanMode', 'AskUserQuestion'],
      maxTurns: 50,
      maxBudgetUsd: 5,
      settingSources: [],
      verbatimPrompts: true,
      systemPrompt: {
        type: 'preset',
        preset: 'claude_code',
        append: expect.stringContaining('Ask no questions'),
      },
    })
  })

  it('the configuration can set options of a session, and its own keys do not reach the SDK', () => {
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

describe('the environment of a session', () => {
  const gateway = { url: 'http://127.0.0.1:1', token: 'token' }

  it('the environment of a session is what we set and what the SDK says about itself, and nothing else', () => {
    const ours = agentEnvironment({ env: { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'intern' } }, gateway)
    expect(ours).toMatchObject({
      ANTHROPIC_BASE_URL: gateway.url,
      ANTHROPIC_AUTH_TOKEN: gateway.token,
      HTTPS_PROXY: 'http://proxy',
      NO_PROXY: 'intern,127.0.0.1,localhost,::1,[::1]',
    })
    const given = { ...ours, CLAUDE_AGENT_SDK_VERSION: '1', AWS_SECRET_ACCESS_KEY: 'x', LANG: 'other' }
    expect(allowedEnvironment(given, ours)).toEqual({ ...ours, CLAUDE_AGENT_SDK_VERSION: '1' })
  })

  it('the configuration cannot override our own variables of a session', () => {
    const env = { CLAUDE_CODE_DISABLE_FILE_MENTIONS: '0', MILLRACE_X: 'x', LANG: 'de_DE.UTF-8' }
    const ours = agentEnvironment({ env }, gateway)
    expect(ours).toMatchObject({ CLAUDE_CODE_DISABLE_FILE_MENTIONS: '1', LANG: 'de_DE.UTF-8' })
    expect(ours).not.toHaveProperty('MILLRACE_X')
    // Besides these, the configuration can set none of our variables.
    const free = Object.keys(agentEnvironment({}, gateway)).filter((name) => !isReservedVariable(name))
    expect(free.sort()).toEqual([
      'CLAUDE_AGENT_SDK_CLIENT_APP',
      'CLAUDE_CODE_BASH_EDIT_DIFF',
      'LANG',
      'LC_ALL',
      'NO_PROXY',
      'TERM',
      'no_proxy',
    ])
  })
})
