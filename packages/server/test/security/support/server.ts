/** A server as `millrace serve` opens it, on a real socket of loopback, with a data directory of its own. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { createToken } from '#auth/tokens'
import { serve } from '#compose/serve'
import { loadConfig } from '#config/load'
import type { ConfigFile } from '#config/schema'
import type { HttpServerOptions } from '#http/server'
import { openCredentialFile } from '#store/sqlite/upkeep/credential-file'
import { addCredential, people, type Tokens } from './people.ts'

const node = (script: string): [string, ...string[]] => [process.execPath, '-e', script]

export const tools = {
  hello: { command: node("console.log('hello'); console.log('world')") },
  wait: { command: node("console.log('waiting'); setInterval(() => {}, 1000)") },
  echo: {
    command: [process.execPath, '-e', 'console.log(process.argv[1])', '--', '{text}'] as [
      string,
      ...string[],
    ],
    args: { text: { required: true } },
  },
  /** As JSON, so that any string is returned unchanged. */
  quote: {
    command: [process.execPath, '-e', 'console.log(JSON.stringify(process.argv[1]))', '--', '{text}'] as [
      string,
      ...string[],
    ],
    args: { text: { required: true } },
  },
  option: {
    command: [process.execPath, '{text}'] as [string, ...string[]],
    args: { text: { required: true } },
  },
  environment: { command: node('console.log(JSON.stringify(process.env))') },
  flood: { command: node("const line = 'x'.repeat(64000); for (let i = 0; i < 300; i++) console.log(line)") },
}

export interface Rig extends Tokens {
  url: string
  port: number
  dataDir: string
  project: string
  loginUrl: string
  /** The token in server.json. */
  local: string
  /** fetch with this bearer token. */
  as: (token: string, path: string, init?: RequestInit) => Promise<Response>
  /** Starts a job as the owner of this token; its id. */
  job: (token: string, tool?: keyof typeof tools, args?: Record<string, string>) => Promise<string>
  /** A `Cookie` header of this user's new session. */
  cookie: (user: string, admin?: boolean) => Promise<string>
  /** A new token of a user. */
  newToken: (user: string, ttlMs?: number, admin?: boolean) => ReturnType<typeof createToken>
  /** Returns the value of a gauge in /metrics. */
  gauge: (name: string) => Promise<number>
  /** The credentials in the data directory, as another process sees them. */
  file: ReturnType<typeof openCredentialFile>
  stop: () => Promise<void>
}

export interface RigOptions {
  config?: Partial<ConfigFile>
  env?: NodeJS.ProcessEnv
  http?: HttpServerOptions
  log?: Logger
  port?: string
  folder?: string
}

export function scratch(): { path: string; dispose: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-security-')))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

/** One project, the tools above, no sandbox (it has tests of its own), and tokens of a few people. */
export async function openRig({
  config = {},
  env = {},
  http,
  log,
  port = '0',
  folder,
}: RigOptions = {}): Promise<Rig> {
  const root = folder === undefined ? scratch() : { path: folder, dispose: () => {} }
  const dataDir = join(root.path, 'data')
  const project = join(root.path, 'project')
  mkdirSync(project, { recursive: true })
  const loaded = await loadConfig({
    flags: { data: dataDir, port },
    env,
    cwd: root.path,
    content: {
      projects: { here: { path: project } },
      tools,
      sandbox: { mode: 'off' },
      ...config,
      limits: { startsPerMinute: 10_000, loginsPerMinute: 10_000, ...config.limits },
    },
  })
  const serving = await serve({
    config: loaded,
    log: log ?? pino({ level: 'silent' }),
    onFatal: (error) => {
      throw error
    },
    ...(http === undefined ? {} : { http }),
  })
  const { url } = serving
  const file = openCredentialFile(dataDir)
  const tokens = await people(file)
  const as: Rig['as'] = (token, path, init = {}) =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...(init.headers as object) } })
  return {
    ...tokens,
    url,
    port: Number(new URL(url).port),
    dataDir,
    project,
    loginUrl: serving.loginUrl,
    local: (JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { token: string }).token,
    as,
    job: async (token, tool = 'hello', args) => {
      const response = await as(token, '/api/runs', post({ kind: 'job', project: 'here', tool, args }))
      if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
      return ((await response.json()) as { run: { id: string } }).run.id
    },
    cookie: async (user, admin = false) => {
      const { secret } = await addCredential(file, 'cookie', { user, admin })
      return `millrace_${new URL(url).port}=${secret}`
    },
    newToken: (user, ttlMs, admin = false) =>
      createToken(file, { user, admin, ttlMs: ttlMs ?? null }, Date.now()),
    gauge: async (name) => {
      const text = await (await as(tokens.admin, '/metrics')).text()
      return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
    },
    file,
    stop: async () => {
      file.close()
      await serving.stop('the test is over')
      root.dispose()
    },
  }
}

export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
}
