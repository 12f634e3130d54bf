import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '#config/problems'
import { load, problemsOf, workspace } from './workspace.ts'

const sample = {
  projects: { web: { path: 'web' } },
  tools: {
    count: {
      title: 'Count lines',
      command: ['wc', '-l', '{projectPath}/README.md'],
      timeoutSeconds: 600,
      network: false,
      env: { CI: '1' },
      projects: ['web'],
    },
  },
  concurrency: { job: 2, session: 3, execution: 5 },
  policy: { allowedTools: ['Read'], approvals: 'off', unreadableBash: 'ask', approvalSeconds: 60 },
  sandbox: { mode: 'required', read: ['/opt/toolchain'] },
  agent: { maxTurns: 50, maxBudgetUsd: 5, stallSeconds: 30, env: { A: 'b' } },
  models: { local: { provider: 'openai-compatible', baseUrl: 'http://127.0.0.1:11434/v1', model: 'tiny' } },
  http: {
    hosts: ['Millrace.example.org'],
    trustProxy: true,
    cors: { origins: ['https://app.example.org'] },
    compressStreams: true,
  },
  limits: { streamsPerUser: 1, streams: 2, startsPerMinute: 3, bodyBytes: 4096, eventBytes: 5000 },
  retention: { days: 7, events: 5000 },
  realtime: { publicTopics: ['news'] },
  auth: { jwt: { jwksUrl: 'https://id.example.org/jwks', issuer: 'me', audience: 'you' } },
}

function withSample(change: object = {}): string {
  return workspace({ 'millrace.config.json': { ...sample, ...change }, 'web/README.md': '' })
}

it('the key for editors is accepted and ignored', async () => {
  const root = workspace({
    'millrace.config.json': { $schema: './x.json', projects: { web: { path: '.' } } },
  })
  expect([...(await load(root)).projects.keys()]).toEqual(['web'])
})

describe('the public address', () => {
  const loadWith = (http: object) =>
    load(workspace({ 'millrace.config.json': { projects: { web: { path: '.' } }, http } }))

  it.each([
    ['https://Millrace.Example.org/mill/', 'https://millrace.example.org/mill'],
    ['https://millrace.example.org', 'https://millrace.example.org'],
    ['http://millrace.example.org:8080/a/b', 'http://millrace.example.org:8080/a/b'],
  ])('%s is kept without a trailing slash, and its host is answered', async (publicUrl, kept) => {
    const { http, warnings } = await loadWith({ publicUrl, trustProxy: true })
    expect([http.publicUrl, http.hosts, warnings]).toEqual([kept, ['millrace.example.org'], []])
  })

  it.each([
    ['ftp://a.example'],
    ['a.example'],
    ['https://me:word@a.example/'],
    ['https://a.example/?x=1'],
    ['https://a.example/#x'],
    ['https://a.example//x'],
    ['https://a.example/%61pi'],
    ['https://a.example/api/'],
    ['https://a.example/login'],
  ])('%s is refused', async (publicUrl) => {
    const root = workspace({
      'millrace.config.json': { projects: { web: { path: '.' } }, http: { publicUrl } },
    })
    expect((await problemsOf(root)).map(({ path }) => path)).toEqual(['http.publicUrl'])
  })

  it('an address behind TLS without a trusted proxy is a warning', async () => {
    const { warnings } = await loadWith({ publicUrl: 'https://a.example' })
    expect(warnings).toEqual([expect.stringContaining('"http.trustProxy" is false')])
  })
})

describe('a valid configuration', () => {
  it('every setting of the file is in the configuration', async () => {
    const root = withSample()
    const config = await load(root)
    expect(config).toMatchObject({
      configFile: join(root, 'millrace.config.json'),
      host: '127.0.0.1',
      port: 4000,
      logLevel: 'info',
      adminToken: undefined,
      concurrency: sample.concurrency,
      policy: sample.policy,
      sandbox: sample.sandbox,
      agent: sample.agent,
      http: { ...sample.http, hosts: ['millrace.example.org'] },
      limits: sample.limits,
      retention: sample.retention,
      realtime: sample.realtime,
      auth: sample.auth,
      warnings: [],
    })
    expect(config.projects).toEqual(new Map([['web', { id: 'web', path: join(root, 'web') }]]))
    expect(config.models).toEqual(new Map([['local', sample.models.local]]))
    expect(config.tools.get('count')).toMatchObject({ id: 'count', ...sample.tools.count, args: new Map() })
  })

  it('settings that the file omits have the documented defaults', async () => {
    const root = workspace({ 'millrace.config.json': { projects: { web: { path: '.' } } } })
    const config = await load(root)
    expect(config).toMatchObject({
      concurrency: { job: 4, session: 4, execution: 4 },
      sandbox: { mode: 'auto', read: [] },
      http: { hosts: [], trustProxy: false, cors: { origins: [] }, compressStreams: false, reusePort: false },
      limits: {
        streamsPerUser: 64,
        streams: 10_000,
        startsPerMinute: 60,
        bodyBytes: 1_048_576,
        eventBytes: 1_048_576,
      },
      retention: { days: 30 },
    })
    for (const section of ['policy', 'agent', 'models', 'realtime', 'auth'] as const) {
      expect(config[section]).toBeUndefined()
    }
  })
})

describe('a configuration given by a program', () => {
  it('a configuration passed by a program replaces the file, with paths relative to the current directory', async () => {
    const root = withSample()
    const config = await load(root, { content: { projects: { sub: { path: 'web' } } } })
    expect(config.configFile).toBeNull()
    expect([...config.projects.values()]).toEqual([{ id: 'sub', path: join(root, 'web') }])
    expect(config.tools.size).toBe(0)
  })

  it('a configuration passed by a program is checked like a file', async () => {
    const content = { projects: { a: { path: '.' } }, limit: {} }
    expect(await problemsOf(workspace(), { content })).toMatchObject([{ path: 'limit' }])
    expect(await problemsOf(workspace(), { content: null })).toEqual([
      { path: 'config', expected: 'an object' },
    ])
  })
})

describe('a wrong configuration', () => {
  it('all problems of file, flags and environment are reported at once', async () => {
    const root = withSample({
      projects: { web: { path: 'web' }, gone: { path: 'gone' } },
      limits: { streamPerUser: 3, bodyBytes: -1 },
      retension: {},
    })
    const problems = await problemsOf(root, {
      flags: { port: '70000' },
      env: { MILLRACE_TOKEN: 'two words', LOG_LEVEL: 'loud' },
    })
    expect(problems.map((problem) => problem.path).sort()).toEqual([
      '--port',
      'LOG_LEVEL',
      'MILLRACE_TOKEN',
      'limits.bodyBytes',
      'limits.streamPerUser',
      'projects.gone.path',
      'retension',
    ])
  })

  it('the problems are one readable message, which never repeats a secret', async () => {
    const root = withSample({ http: { trustProxy: 'yes' } })
    const env = { MILLRACE_TOKEN: 'hunter 2' }
    const error = await load(root, { env }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).toContain(`2 problems in ${join(root, 'millrace.config.json')}`)
    expect(String(error)).toContain('  http.trustProxy: expected true or false, not "yes"')
    expect(String(error)).not.toContain('hunter')
  })

  it.each<[string, object, string, RegExp]>([
    ['unknown key', { sandboks: {} }, 'sandboks', /did you mean "sandbox"/],
    ['unknown key, nothing near', { xyzzy: 1 }, 'xyzzy', /known keys: projects, tools, .*auth$/],
    ['unknown nested key', { http: { cors: { origin: [] } } }, 'http.cors.origin', /did you mean "origins"/],
    ['section of the wrong type', { http: [] }, 'http', /^an object, not an empty list$/],
    ['null section', { limits: null }, 'limits', /^an object, not null$/],
    ['concurrency 0', { concurrency: { job: 0 } }, 'concurrency.job', /^a whole number from 1 .*not 0$/],
    ['half a slot', { concurrency: { session: 1.5 } }, 'concurrency.session', /whole number.*not 1.5/],
    ['policy choice', { policy: { unreadableBash: 'maybe' } }, 'policy.unreadableBash', /"ask" or "deny"/],
    ['approvals', { policy: { approvals: true } }, 'policy.approvals', /"off" or "on", not true/],
    ['time to answer', { policy: { approvalSeconds: 0 } }, 'policy.approvalSeconds', /from 1 to 2592000/],
    ['share', { agent: { limits: { outputBytes: 9 } } }, 'agent.limits.outputBytes', /no such key/],
    ['stall', { agent: { stallSeconds: 'no' } }, 'agent.stallSeconds', /whole number of seconds/],
    ['sandbox mode', { sandbox: { mode: 'on' } }, 'sandbox.mode', /"auto" or "required" or "off", not "on"/],
    ['sandbox path', { sandbox: { read: ['opt'] } }, 'sandbox.read.0', /an absolute path/],
    ['agent turns', { agent: { maxTurns: '5' } }, 'agent.maxTurns', /whole number/],
    ['agent budget', { agent: { maxBudgetUsd: 0 } }, 'agent.maxBudgetUsd', /an amount above 0/],
    ['model provider', { models: { m: { provider: 'x', model: 'y' } } }, 'models.m.provider', /"anthropic"/],
    [
      'model address',
      { models: { m: { provider: 'openai-compatible', model: 'y' } } },
      'models.m.baseUrl',
      /missing/,
    ],
    ['host with a scheme', { http: { hosts: ['https://a.b'] } }, 'http.hosts.0', /without scheme/],
    ['host with a port', { http: { hosts: ['a.b:80'] } }, 'http.hosts.0', /without scheme and port/],
    ['wildcard origin', { http: { cors: { origins: ['*'] } } }, 'http.cors.origins.0', /"\*" is not allowed/],
    [
      'origin with a path',
      { http: { cors: { origins: ['https://a.b/'] } } },
      'http.cors.origins.0',
      /origin/,
    ],
    [
      'public topic',
      { realtime: { publicTopics: ['runs/*'] } },
      'realtime.publicTopics.0',
      /your application.s own/,
    ],
    ['shared port', { http: { reusePort: true } }, 'http.reusePort', /only beside a store .*store\.url/],
    ['event size', { limits: { eventBytes: 10 } }, 'limits.eventBytes', /from 1024/],
    ['retention', { retention: { days: 0 } }, 'retention.days', /above 0/],
    ['kept events', { retention: { events: 0 } }, 'retention.events', /from 1/],
    [
      'topic with a line break',
      { realtime: { publicTopics: ['a\nb'] } },
      'realtime.publicTopics.0',
      /one line/,
    ],
    [
      'jwks address',
      { auth: { jwt: { ...sample.auth.jwt, jwksUrl: 'ftp://x' } } },
      'auth.jwt.jwksUrl',
      /http/,
    ],
    [
      'jwt audience',
      { auth: { jwt: { ...sample.auth.jwt, audience: undefined } } },
      'auth.jwt.audience',
      /missing/,
    ],
    ['no projects', { projects: undefined, tools: {} }, 'projects', /at least one project/],
    ['empty projects', { projects: {}, tools: {} }, 'projects', /at least one project/],
    ['project id', { projects: { '../x': { path: 'web' } }, tools: {} }, 'projects.../x', /a project id/],
    ['project without path', { projects: { a: {} }, tools: {} }, 'projects.a.path', /missing/],
    [
      'project that is a file',
      { projects: { a: { path: 'web/README.md' } }, tools: {} },
      'projects.a.path',
      /a directory/,
    ],
    ['tools of the wrong type', { tools: [] }, 'tools', /an object/],
  ])('a wrong configuration is refused with its place: %s', async (_name, change, path, expected) => {
    const problems = await problemsOf(withSample(change))
    expect(problems).toEqual([{ path, expected: expect.stringMatching(expected) }])
  })
})

describe('flags, environment, file and defaults', () => {
  it('flags override the environment, the environment the file, the file the defaults, in any combination', async () => {
    const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined })
    const host = fc.option(fc.constantFrom('127.0.0.1', '127.9.9.9', '::1', 'localhost', '10.1.2.3'), {
      nil: undefined,
    })
    const source = fc.record({ port, host })
    await fc.assert(
      fc.asyncProperty(source, source, source, async (flag, env, file) => {
        const root = workspaceOnce(file)
        const config = await load(root, {
          flags: { port: flag.port?.toString(), host: flag.host },
          env: { MILLRACE_PORT: env.port?.toString() ?? '', MILLRACE_HOST: env.host },
        })
        expect(config.port).toBe(flag.port ?? env.port ?? file.port ?? 4000)
        expect(config.host).toBe(flag.host ?? env.host ?? file.host ?? '127.0.0.1')
      }),
      { numRuns: 60 },
    )
  })

  function workspaceOnce(http: { port: number | undefined; host: string | undefined }): string {
    return workspace({ 'millrace.config.json': { projects: { a: { path: '.' } }, http } })
  }

  it.each(['', '-1', '65536', '4e3', ' 80', '0x50', '08080x'])('the port %j is refused', async (port) => {
    expect(await problemsOf(workspace(), { flags: { port } })).toMatchObject([{ path: '--port' }])
  })

  it('the token and the log level come from the environment', async () => {
    const env = { MILLRACE_TOKEN: 'a-token-of-some-length', LOG_LEVEL: 'DEBUG', MILLRACE_HOST: '[::1]' }
    expect(await load(workspace(), { env })).toMatchObject({
      adminToken: env.MILLRACE_TOKEN,
      logLevel: 'debug',
      host: '::1',
    })
  })

  it("the model's key and address come from the environment, and the key is never repeated", async () => {
    const env = { ANTHROPIC_API_KEY: 'sk-made-up', ANTHROPIC_BASE_URL: 'https://gateway.example.org/v1' }
    expect((await load(workspace(), { env })).anthropic).toEqual({
      apiKey: env.ANTHROPIC_API_KEY,
      baseUrl: env.ANTHROPIC_BASE_URL,
    })
    const none = { ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '' }
    expect((await load(workspace(), { env: none })).anthropic).toEqual({
      apiKey: undefined,
      baseUrl: undefined,
    })
    const wrong = { ANTHROPIC_API_KEY: 'sk made up', ANTHROPIC_BASE_URL: 'gateway' }
    const problems = await problemsOf(workspace(), { env: wrong })
    expect(problems.map(({ path }) => path).sort()).toEqual(['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'])
    expect(JSON.stringify(problems)).not.toContain('made')
  })

  it('a token that could be guessed causes a warning, which does not repeat it', async () => {
    const { warnings, adminToken } = await load(withSample(), { env: { MILLRACE_TOKEN: 'hunter2' } })
    expect(adminToken).toBe('hunter2')
    expect(warnings).toEqual([expect.stringMatching(/^MILLRACE_TOKEN has 7 characters/)])
    expect(warnings.join()).not.toContain('hunter2')
  })

  it('a token with spaces, which no header could carry, is refused', async () => {
    const env = { MILLRACE_TOKEN: 'sixteen letters and more' }
    expect(await problemsOf(workspace(), { env })).toMatchObject([{ path: 'MILLRACE_TOKEN' }])
  })

  it('the server answers to the address it listens on, and warns about what is exposed', async () => {
    const local = await load(withSample(), { flags: { host: '127.0.0.1' } })
    expect(local).toMatchObject({ http: { hosts: ['millrace.example.org'] }, warnings: [] })
    const lan = await load(withSample(), { flags: { host: '192.0.2.7' } })
    expect(lan.http.hosts).toEqual(['millrace.example.org', '192.0.2.7'])
    expect(lan.warnings).toHaveLength(1)
    const all = await load(withSample({ http: {} }), { flags: { host: '0.0.0.0' } })
    expect(all.http.hosts).toEqual([])
    expect(all.warnings.join(' ')).toContain('"http.hosts" is empty')
  })
})
