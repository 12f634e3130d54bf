import { describe, expect, it } from 'vitest'
import { loadConfig } from '#config/load'
import { ConfigError } from '#config/problems'
import { workspace } from './workspace.ts'

async function load(agents: unknown, env: NodeJS.ProcessEnv = {}, more: Record<string, unknown> = {}) {
  const [cwd, data] = [workspace({}), workspace({})]
  const content = { projects: { web: { path: '.' } }, agents, ...more }
  return loadConfig({ flags: { data }, env: { HOME: cwd, ...env }, cwd, content })
}

async function problemsOf(agents: unknown): Promise<Record<string, string>> {
  try {
    await load(agents)
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.problems.map(({ path, expected }) => [path, expected]))
    throw error
  }
  return {}
}

describe('agents of the configuration', () => {
  it('an entry named like a preset has all that the preset knows, and the one secret it needs', async () => {
    const { agents } = await load({ gemini: {} }, { GEMINI_API_KEY: 'made-up', OPENAI_API_KEY: 'other' })
    expect(agents?.get('gemini')).toMatchObject({
      command: ['gemini', '--acp'],
      // The key stays with the server, and the gateway is the way to the model.
      env: {},
      secrets: ['made-up'],
      network: [],
      mode: 'default',
      gateway: {
        vendor: 'google',
        upstream: { baseUrl: 'https://generativelanguage.googleapis.com', apiKey: 'made-up' },
      },
      asks: true,
    })
  })

  it('what an entry says wins over its preset, and adds to its variables', async () => {
    const entry = {
      preset: 'codex',
      command: ['/opt/codex', '-x'],
      mode: 'read-only',
      network: 'internet',
      env: { A: 'b' },
    }
    const { agents } = await load({ mine: entry }, { OPENAI_API_KEY: 'made-up' })
    expect(agents?.get('mine')).toMatchObject({
      name: 'mine',
      command: ['/opt/codex', '-x'],
      mode: 'read-only',
      network: 'internet',
      env: { A: 'b' },
      secrets: ['made-up'],
      gateway: { vendor: 'openai', upstream: { baseUrl: 'https://api.openai.com', apiKey: 'made-up' } },
      asks: null,
    })
  })

  it('an address of its own is where the gateway leads, and an agent without a key or with a provider of its own reaches it itself', async () => {
    const env = { OPENAI_BASE_URL: 'http://127.0.0.1:9/models/v1', OPENAI_API_KEY: { env: 'OTHER_KEY' } }
    const { agents } = await load(
      {
        codex: { env },
        own: { preset: 'codex', env: { MODEL_PROVIDER: 'mine' } },
        gemini: {},
        opencode: {},
      },
      { OTHER_KEY: 'made-up-too', OPENAI_API_KEY: 'made-up' },
    )
    expect(agents?.get('codex')).toMatchObject({
      env: {},
      secrets: ['made-up-too'],
      gateway: { upstream: { baseUrl: 'http://127.0.0.1:9/models', apiKey: 'made-up-too' } },
    })
    expect(agents?.get('own')).toMatchObject({ gateway: null, env: { OPENAI_API_KEY: 'made-up' } })
    expect(agents?.get('gemini')).toMatchObject({
      gateway: null,
      network: ['generativelanguage.googleapis.com:443'],
    })
    expect(agents?.get('opencode')).toMatchObject({ gateway: null })
  })

  it('an agent without a preset reaches nothing and knows nothing unless its entry says so', async () => {
    const { agents } = await load({ own: { command: ['agent'], files: { '.agent/a b.toml': 'x' } } })
    expect(agents?.get('own')).toEqual({
      name: 'own',
      command: ['agent'],
      env: {},
      secrets: [],
      network: [],
      mode: undefined,
      auth: undefined,
      gateway: null,
      asks: null,
      read: [],
      files: new Map([['.agent/a b.toml', 'x']]),
      stallSeconds: undefined,
      limits: {},
    })
  })

  it('the key of an agent is kept from the environment of every other run', async () => {
    const agents = { own: { command: ['agent'], env: { KEY: { env: 'THE_KEY' } } } }
    const { sandbox, warnings } = await load(
      agents,
      { THE_KEY: 'made-up-secret' },
      { sandbox: { env: { LEAK: 'x made-up-secret' } } },
    )
    expect(sandbox.env.LEAK).toBeUndefined()
    expect(warnings.join()).toMatch(/LEAK holds a secret/)
  })

  it('a configuration says what is wrong with each entry', async () => {
    const found = await problemsOf({
      claude: {},
      unknown: {},
      'bad name': { command: ['x'] },
      preset: { preset: 'gemni' },
      home: { command: ['x'], files: { '../x': '' } },
      unset: { command: ['x'], env: { KEY: { env: 'NOT_SET' }, PATH: '/bin' } },
    })
    expect(found['agents.claude']).toBeUndefined()
    expect(Object.keys(found)).toEqual(expect.arrayContaining(['agents.preset.preset', 'agents.bad name']))
    expect(JSON.stringify(found)).toMatch(/a path below the home/)
    const others = await problemsOf({
      claude: {},
      unknown: {},
      unset: { command: ['x'], env: { KEY: { env: 'NOT_SET' }, PATH: '/bin' } },
    })
    expect(others).toEqual({
      'agents.claude': expect.stringContaining('built-in agent'),
      'agents.unknown.command': expect.stringContaining(
        'none of the presets claude-acp, codex, gemini, opencode',
      ),
      'agents.unset.env.KEY.env': expect.stringContaining('NOT_SET is not set'),
      'agents.unset.env.PATH': expect.stringContaining('another name'),
    })
  })
})
