/** The values that are in effect, and where each comes from. Secrets are masked. */
import type { Config, Tool } from '../config.ts'
import { namedDataDir } from '../data-dir.ts'
import { readConfigFile } from '../file.ts'
import { type LoadInput, loadConfig } from '../load.ts'
import { Problems } from '../problems.ts'
import { sectionSchemas } from '../schema.ts'
import { given } from '../settings.ts'
import { masked } from './mask.ts'

export interface EffectiveValue {
  /** The dotted key of the file, or the name of what only a flag or a variable sets. */
  key: string
  value: unknown
  /** `--port`, `MILLRACE_PORT`, the path of the file, `found in <directory>`, or `default`. */
  source: string
}

type Content = Readonly<Record<string, unknown>>

/** Fails with a `ConfigError` that lists every problem, as a start would. */
export async function effectiveValues(input: LoadInput): Promise<EffectiveValue[]> {
  const { flags, env, cwd } = input
  const config = await loadConfig(input)
  const named = given(flags.config, '--config', env.MILLRACE_CONFIG, 'MILLRACE_CONFIG')
  const file = await readConfigFile(named && { path: named.text, by: named.by }, cwd, new Problems())
  const content = file?.content ?? {}
  const values = [
    ...programValues(input, config, named?.by),
    ...workValues(config, content),
    ...Object.keys(sectionSchemas).flatMap((name) => sectionValues(name, content, config.configFile)),
  ]
  const overridden = listeningValues(input, config)
  const all = [...values.filter(({ key }) => !overridden.some((own) => own.key === key)), ...overridden]
  const secrets = [
    config.adminToken,
    config.anthropic.apiKey,
    config.auth?.jwt?.secret,
    ...storeSecrets(config),
  ].filter((secret) => secret !== undefined)
  return all.map(({ key, value, source }) => ({ key, value: masked(key, value, secrets), source }))
}

function storeSecrets({ store }: Config): (string | undefined)[] {
  if (store === undefined) return []
  const { password } = new URL(store.url)
  const { password: ofRedis } = new URL(store.redisUrl ?? 'redis://none')
  return [store.password, ...[password, ofRedis].map((secret) => (secret === '' ? undefined : secret))]
}

/** What a file cannot say. */
function programValues({ flags, env, cwd }: LoadInput, config: Config, configBy?: string): EffectiveValue[] {
  const { adminToken, anthropic, configFile, dataDir, logLevel } = config
  const variable = (name: string, value: unknown, otherwise: unknown = null): EffectiveValue => ({
    key: name,
    value: value ?? otherwise,
    source: env[name] ? name : 'default',
  })
  return [
    {
      key: 'configuration file',
      value: configFile,
      source: configBy ?? (configFile === null ? 'default' : `found in ${cwd}`),
    },
    { key: 'data directory', value: dataDir, source: namedDataDir(flags.data, env, cwd)?.by ?? 'default' },
    variable('MILLRACE_TOKEN', adminToken),
    variable('ANTHROPIC_API_KEY', anthropic.apiKey),
    variable('ANTHROPIC_BASE_URL', anthropic.baseUrl),
    variable('LOG_LEVEL', logLevel),
  ]
}

/** What a flag or a variable may override. */
function listeningValues({ flags, env }: LoadInput, config: Config): EffectiveValue[] {
  const host = given(flags.host, '--host', env.MILLRACE_HOST, 'MILLRACE_HOST')
  const port = given(flags.port, '--port', env.MILLRACE_PORT, 'MILLRACE_PORT')
  const store = given(flags.store, '--store', env.MILLRACE_STORE, 'MILLRACE_STORE')
  const role = given(flags.role, '--role', env.MILLRACE_ROLE, 'MILLRACE_ROLE')
  return [
    ...(role === undefined ? [] : [{ key: 'store.role', value: config.store?.role, source: role.by }]),
    ...(store === undefined ? [] : [{ key: 'store.url', value: config.store?.url, source: store.by }]),
    ...(host === undefined ? [] : [{ key: 'http.host', value: config.host, source: host.by }]),
    ...(port === undefined ? [] : [{ key: 'http.port', value: config.port, source: port.by }]),
  ]
}

function workValues({ configFile, projects, tools }: Config, content: Content): EffectiveValue[] {
  const source = configFile ?? `found in ${[...projects.values()][0]?.path}`
  const inFile = content.tools as Record<string, Content> | undefined
  return [
    ...[...projects].map(([id, { path }]) => ({ key: `projects.${id}.path`, value: path, source })),
    ...[...tools].flatMap(([id, tool]) =>
      leaves(`tools.${id}`, inFile?.[id] ?? foundTool(tool)).map((leaf) => ({ ...leaf, source })),
    ),
  ]
}

function foundTool({ title, command, network, env }: Tool): Content {
  return { title, command, network, ...(Object.keys(env).length === 0 ? {} : { env }) }
}

function sectionValues(name: string, content: Content, configFile: string | null): EffectiveValue[] {
  const schema = sectionSchemas[name as keyof typeof sectionSchemas]
  const parsed = schema.safeParse(content[name] ?? {})
  const found = leaves(name, parsed.data ?? content[name] ?? {})
  if (name === 'http') found.push(...listeningDefaults(content.http))
  return found.map(({ key, value }) => ({
    key,
    value,
    source: isIn(content, key) ? (configFile ?? 'default') : 'default',
  }))
}

function listeningDefaults(http: unknown): { key: string; value: unknown }[] {
  const defaults = { host: '127.0.0.1', port: 4000 }
  return Object.entries(defaults).flatMap(([name, value]) =>
    (http as Content | undefined)?.[name] === undefined ? [{ key: `http.${name}`, value }] : [],
  )
}

/** An empty object is a value; so is a list. */
function leaves(key: string, value: unknown): { key: string; value: unknown }[] {
  if (value === undefined) return []
  if (!isObject(value) || Object.keys(value).length === 0) return [{ key, value }]
  return Object.entries(value).flatMap(([name, inner]) => leaves(`${key}.${name}`, inner))
}

function isIn(content: Content, key: string): boolean {
  let at: unknown = content
  let rest = key
  while (rest !== '') {
    if (!isObject(at)) return false
    // A name may have dots of its own.
    const name = Object.keys(at).find((own) => rest === own || rest.startsWith(`${own}.`))
    if (name === undefined) return false
    at = at[name]
    rest = rest.slice(name.length + 1)
  }
  return at !== undefined
}

function isObject(value: unknown): value is Content {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
