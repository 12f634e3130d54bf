/** Builds one validated `Config` from the file, the environment and the flags. */
import { realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { resolve, sep } from 'node:path'
import type { z } from 'zod'
import { agentProblems } from './agent-settings.ts'
import { readAgents } from './agents/read.ts'
import type { Config, NodeRole, Project, Tool } from './config.ts'
import { namedDataDir, resolveDataDir } from './data-dir.ts'
import { asContent, type ConfigContent, readConfigFile } from './file.ts'
import { ConfigError, Problems, unknownKey } from './problems.ts'
import { readProjects } from './projects.ts'
import { type RunEnvironment, readRunEnvironment } from './run-environment.ts'
import { schemaKey, sectionNames, sectionSchemas } from './schema.ts'
import { type ConfigFlags, given, isLoopback, isWildcard, readSettings, tokenWarnings } from './settings.ts'
import { readStore } from './store-settings.ts'
import { readTools } from './tools.ts'
import { zeroConfig } from './zero/zero.ts'

export interface LoadInput {
  flags: ConfigFlags
  env: NodeJS.ProcessEnv
  cwd: string
  /** The content of a file, passed by a host application: no file is then read. */
  content?: unknown
}

/**
 * Reads everything, creates nothing. Fails with a `ConfigError` that lists every problem. Flags override the
 * environment, the environment the file, and the file the defaults.
 */
export async function loadConfig({ flags, env, cwd, content: embedded }: LoadInput): Promise<Config> {
  const problems = new Problems()
  const named = given(flags.config, '--config', env.MILLRACE_CONFIG, 'MILLRACE_CONFIG')
  const file =
    embedded === undefined
      ? await readConfigFile(named && { path: named.text, by: named.by }, cwd, problems)
      : asContent(embedded, cwd, problems)
  const content = file?.content ?? {}
  for (const key of Object.keys(content)) {
    if (key !== '$schema' && !sectionNames.includes(key)) problems.add(key, unknownKey(key, sectionNames))
  }
  if (content.$schema !== undefined) problems.parse('$schema', schemaKey, content.$schema)
  const sections = readSections(content, env, problems)
  const settings = readSettings(flags, env, sections.http, problems)
  const stored = readStore({ flags, env, cwd, section: sections.store, wakeups: sections.wakeups }, problems)
  if (sections.http.reusePort && stored.store === undefined)
    problems.add('http.reusePort', 'true only beside a store that several nodes share (store.url)')
  const work = await readWork(file, { cwd, env, role: stored.store?.role ?? 'all' }, problems)
  const dataDir = resolveDataDir(
    namedDataDir(flags.data, env, cwd),
    env,
    cwd,
    work.projects.values(),
    problems,
  )
  const runs = runEnvironment({ sections, env, settings, dataDir, work }, problems)
  checkWorktrees(sections.worktrees, { dataDir, work }, problems)
  if (problems.list.length > 0) throw new ConfigError(file?.path ?? null, problems.list)
  const { host: _host, port: _port, hosts, ...http } = sections.http
  return {
    configFile: file?.path ?? null,
    dataDir,
    ...settings,
    projects: work.projects,
    tools: work.tools,
    ...sections,
    store: stored.store,
    sandbox: {
      mode: sections.sandbox.mode,
      rootProjects: sections.sandbox.rootProjects,
      read: sections.sandbox.read,
      cacheBytesMax: sections.sandbox.cache.maxBytes,
      tmpBytes: sections.sandbox.tmpBytes,
      homeBytes: sections.sandbox.homeBytes,
      env: runs.env,
      certificates: runs.certificates,
    },
    http: { ...http, hosts: answeredHosts(hosts, settings.host, http.publicUrl) },
    ...(work.notices.length === 0 ? {} : { notices: work.notices }),
    warnings: [
      ...work.warnings,
      ...runs.warnings,
      ...stored.warnings,
      ...tokenWarnings(settings.adminToken),
      ...exposureWarnings(settings.host, sections.http),
    ],
  }
}

interface Work {
  projects: Map<string, Project>
  tools: Map<string, Tool>
  warnings: string[]
  notices: string[]
}

/**
 * Reads `projects` and `tools` of the file; without one, derives them from the directory. A node that only serves has those of
 * the workers; one that only works, those whose directories it has.
 */
async function readWork(
  file: ConfigContent | null | undefined,
  { cwd, env, role }: Pick<LoadInput, 'cwd' | 'env'> & { role: NodeRole },
  problems: Problems,
): Promise<Work> {
  if (file === undefined || role === 'web')
    return { projects: new Map(), tools: new Map(), warnings: [], notices: [] }
  if (file === null) {
    const { project, tools, warnings, notices } = await zeroConfig(await realpath(cwd), env)
    return { projects: new Map([[project.id, project]]), tools, warnings, notices }
  }
  const { projects: section, tools } = file.content
  const declared = section !== null && typeof section === 'object' ? Object.keys(section) : []
  const warnings: string[] = []
  const absent = role === 'worker' ? (project: string) => void warnings.push(project) : null
  return {
    projects: await readProjects(section, file.folder, problems, absent),
    tools: readTools(tools, declared, problems),
    warnings,
    notices: [],
  }
}

/** A worktree in a project would be found by the project's tools; in the data directory no run could enter it. */
function checkWorktrees(
  { directory }: Config['worktrees'],
  { dataDir, work }: Pick<RunEnvironmentParts, 'dataDir' | 'work'>,
  problems: Problems,
): void {
  const places = [dataDir, ...[...work.projects.values()].map(({ path }) => path)]
  const around =
    directory === undefined ? undefined : places.find((place) => isBelow(place, resolve(directory)))
  if (around !== undefined)
    problems.add(
      'worktrees.directory',
      `a directory outside the data directory and every project; it is in ${around}`,
    )
}

interface RunEnvironmentParts {
  sections: ReturnType<typeof readSections>
  settings: ReturnType<typeof readSettings>
  env: NodeJS.ProcessEnv
  dataDir: string
  work: { projects: ReadonlyMap<string, Project> }
}

/** Where the keys of executions' models are, unless an entry of `models` names another variable. */
const modelKeyNames = ['OPENAI_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY']

function runEnvironment(parts: RunEnvironmentParts, problems: Problems): RunEnvironment {
  const { sections, settings, env, dataDir, work } = parts
  const { sandbox, agents, models, auth } = sections
  const keyNames = [
    ...modelKeyNames,
    ...[...(models?.values() ?? [])].flatMap(({ apiKeyEnv }) => apiKeyEnv ?? []),
  ]
  const secrets = [
    settings.adminToken,
    settings.anthropic.apiKey,
    auth?.jwt?.secret,
    ...keyNames.map((name) => env[name]),
    ...[...(agents?.values() ?? [])].flatMap(({ secrets }) => secrets),
  ].filter((secret) => secret !== undefined)
  const places = [homedir(), dataDir, ...[...work.projects.values()].map(({ path }) => path)]
  return readRunEnvironment(
    {
      set: sandbox.env,
      pass: sandbox.passEnv,
      server: env,
      secrets,
      secretNames: [...keyNames, ...Object.keys(env).filter((name) => secrets.includes(env[name] ?? ''))],
      isPrivate: (path) => isBelow(dataDir, path) || places.some((place) => isBelow(path, place)),
    },
    problems,
  )
}

/** Or the same. */
function isBelow(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep)
}

function readSections(content: Record<string, unknown>, env: NodeJS.ProcessEnv, problems: Problems) {
  const schemas = sectionSchemas
  const always = (name: string) => (content[name] === undefined ? {} : content[name])
  const optional = <T>(name: string, schema: z.ZodType<T>): T | undefined =>
    content[name] === undefined ? undefined : problems.parse(name, schema, content[name])
  const models = optional('models', schemas.models)
  const agents = optional('agents', schemas.agents)
  return {
    concurrency:
      problems.parse('concurrency', schemas.concurrency, always('concurrency')) ??
      schemas.concurrency.parse({}),
    sandbox: problems.parse('sandbox', schemas.sandbox, always('sandbox')) ?? schemas.sandbox.parse({}),
    http: problems.parse('http', schemas.http, always('http')) ?? schemas.http.parse({}),
    limits: problems.parse('limits', schemas.limits, always('limits')) ?? schemas.limits.parse({}),
    retention:
      problems.parse('retention', schemas.retention, always('retention')) ?? schemas.retention.parse({}),
    worktrees:
      problems.parse('worktrees', schemas.worktrees, always('worktrees')) ?? schemas.worktrees.parse({}),
    executions:
      problems.parse('executions', schemas.executions, always('executions')) ?? schemas.executions.parse({}),
    policy: optional('policy', schemas.policy),
    agent: readAgent(optional('agent', schemas.agent), problems),
    agents: agents && readAgents(agents, env, problems),
    models: models && new Map(Object.entries(models)),
    store: optional('store', schemas.store),
    wakeups: optional('wakeups', schemas.wakeups),
    realtime: optional('realtime', schemas.realtime),
    push: problems.parse('push', schemas.push, always('push')) ?? schemas.push.parse({}),
    auth: readAuth(optional('auth', schemas.auth), env, problems),
  }
}

function readAgent(
  agent: z.infer<typeof sectionSchemas.agent> | undefined,
  problems: Problems,
): Config['agent'] {
  for (const { path, expected } of agentProblems(agent ?? {})) problems.add(path, expected)
  return agent
}

const secretBytesMin = 32

/** The secret itself is never in the file, which people share and check in. */
function readAuth(
  auth: z.infer<typeof sectionSchemas.auth> | undefined,
  env: NodeJS.ProcessEnv,
  problems: Problems,
): Config['auth'] {
  if (auth?.jwt === undefined) return auth && {}
  const { secretEnv, ...jwt } = auth.jwt
  if (secretEnv === undefined) return { jwt }
  const secret = env[secretEnv] ?? ''
  if (Buffer.byteLength(secret) < secretBytesMin) {
    problems.add(
      'auth.jwt.secretEnv',
      `a variable that holds at least ${secretBytesMin} bytes (RFC 7518, 3.2); ${secretEnv} does not`,
    )
  }
  return { jwt: { ...jwt, secret } }
}

/** The names we answer to: those configured, that of the public address, and a specific address that we listen on. */
function answeredHosts(hosts: readonly string[], bound: string, publicUrl: string | undefined): string[] {
  const all = new Set(hosts.map((host) => host.toLowerCase()))
  if (publicUrl !== undefined) all.add(new URL(publicUrl).hostname.replace(/^\[(.*)\]$/, '$1'))
  if (!isLoopback(bound) && !isWildcard(bound)) all.add(bound.toLowerCase())
  return [...all]
}

function exposureWarnings(
  host: string,
  { hosts, publicUrl, trustProxy }: Pick<Config['http'], 'hosts' | 'publicUrl' | 'trustProxy'>,
): string[] {
  if (publicUrl?.startsWith('https:')) {
    if (trustProxy) return []
    return [
      '"http.publicUrl" names a proxy, but "http.trustProxy" is false: all clients count as one address.',
    ]
  }
  if (isLoopback(host)) return []
  const warnings = [`Listening on ${host}: other machines can reach this server; put TLS in front of it.`]
  if (isWildcard(host) && hosts.length === 0 && publicUrl === undefined) {
    warnings.push('"http.hosts" is empty: requests that name this server by a host name are refused (421).')
  }
  return warnings
}
