/** Settings that a flag, the environment or the file may set, in this order of precedence. */
import { isIP } from 'node:net'
import type { Config } from './config.ts'
import type { Problems } from './problems.ts'
import { hostName, httpUrl, portNumber } from './schema.ts'

/** Flags of the command line, as strings. */
export interface ConfigFlags {
  config?: string | undefined
  host?: string | undefined
  port?: string | undefined
  data?: string | undefined
  store?: string | undefined
  role?: string | undefined
}

interface Settings {
  host: string
  port: number
  logLevel: string
  adminToken: string | undefined
  anthropic: Config['anthropic']
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']
const defaultPort = 4000
const tokenCharsMin = 16

export function readSettings(
  flags: ConfigFlags,
  env: NodeJS.ProcessEnv,
  file: { host?: string | undefined; port?: number | undefined } | undefined,
  problems: Problems,
): Settings {
  const host = given(flags.host, '--host', env.MILLRACE_HOST, 'MILLRACE_HOST')
  const port = given(flags.port, '--port', env.MILLRACE_PORT, 'MILLRACE_PORT')
  return {
    host: host === undefined ? (file?.host ?? '127.0.0.1') : readHost(host, problems),
    port: port === undefined ? (file?.port ?? defaultPort) : readPort(port, problems),
    logLevel: readLogLevel(env.LOG_LEVEL, problems),
    adminToken: readToken(env.MILLRACE_TOKEN, problems),
    anthropic: readAnthropic(env, problems),
  }
}

interface Given {
  by: string
  text: string
}

/** An empty variable counts as unset: container files set one without a value that way. */
export function given(
  flag: string | undefined,
  flagName: string,
  variable: string | undefined,
  variableName: string,
): Given | undefined {
  if (flag !== undefined) return { by: flagName, text: flag }
  if (variable !== undefined && variable !== '') return { by: variableName, text: variable }
  return undefined
}

function readHost({ by, text }: Given, problems: Problems): string {
  return problems.parse(by, hostName, text.replace(/^\[(.*)\]$/, '$1')) ?? text
}

function readPort({ by, text }: Given, problems: Problems): number {
  return problems.parse(by, portNumber, /^\d{1,5}$/.test(text) ? Number(text) : text) ?? 0
}

function readLogLevel(text: string | undefined, problems: Problems): string {
  if (text === undefined || text === '') return 'info'
  const level = text.toLowerCase()
  if (!logLevels.includes(level)) problems.add('LOG_LEVEL', `one of ${logLevels.join(', ')}`)
  return level
}

function readToken(text: string | undefined, problems: Problems): string | undefined {
  if (text === undefined || text === '') return undefined
  // It travels in a header. The message omits the value: it is a secret.
  if (!/^[\x21-\x7e]+$/.test(text)) {
    problems.add('MILLRACE_TOKEN', 'visible ASCII characters, without spaces')
  }
  return text
}

/** The key travels in a header too, and is just as secret. */
function readAnthropic(env: NodeJS.ProcessEnv, problems: Problems): Config['anthropic'] {
  const { ANTHROPIC_API_KEY: apiKey = '', ANTHROPIC_BASE_URL: baseUrl = '' } = env
  if (!/^[\x21-\x7e]*$/.test(apiKey)) {
    problems.add('ANTHROPIC_API_KEY', 'visible ASCII characters, without spaces')
  }
  return {
    apiKey: apiKey === '' ? undefined : apiKey,
    baseUrl: baseUrl === '' ? undefined : problems.parse('ANTHROPIC_BASE_URL', httpUrl, baseUrl),
  }
}

/** A short token is legal, for trials on one's own machine, but deserves a warning. */
export function tokenWarnings(token: string | undefined): string[] {
  if (token === undefined || token.length >= tokenCharsMin) return []
  return [
    `MILLRACE_TOKEN has ${token.length} characters and could be guessed; use at least ${tokenCharsMin} random ones.`,
  ]
}

export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}
