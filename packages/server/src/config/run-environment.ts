/**
 * The variables that every run gets besides those of its tool: proxies and certificate authorities of the
 * server's own environment, what `sandbox.passEnv` names, and what `sandbox.env` sets.
 *
 * Invariant: no secret of the server is among them, whatever the configuration names.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Problems } from './problems.ts'

export interface RunEnvironment {
  env: Record<string, string>
  /** Files and directories that variables name; runs read them. Links are resolved. */
  certificates: string[]
  warnings: string[]
}

export interface RunEnvironmentInput {
  /** `sandbox.env` and `sandbox.passEnv`. */
  set: Readonly<Record<string, string>>
  pass: readonly string[]
  /** The server's own environment. */
  server: NodeJS.ProcessEnv
  /** Names of variables that hold a secret, and the secrets. */
  secretNames: readonly string[]
  secrets: readonly string[]
  /** What no run may read: all of the home, of a project, anything of the data directory. */
  isPrivate(path: string): boolean
}

/** Other tools spell them in lower case, and some read only one of the two. */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
])
const certificateNames = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
]
/** The server sets these itself, or they open it. */
const ownName = /^(PATH|HOME|TMPDIR|MILLRACE_.*|ANTHROPIC_(API_KEY|AUTH_TOKEN)|CLAUDE_CODE_OAUTH_TOKEN)$/i

const certificateBytesMax = 16 * 1024 ** 2
const certificateFilesMax = 4096
/** A shorter text is in other values by chance. */
const secretCharsMin = 8

export function readRunEnvironment(input: RunEnvironmentInput, problems: Problems): RunEnvironment {
  const { set, pass, server } = input
  const isReserved = (name: string) => ownName.test(name) || input.secretNames.includes(name)
  for (const name of Object.keys(set)) {
    if (isReserved(name)) problems.add(`sandbox.env.${name}`, 'another name: the server keeps this one')
  }
  for (const [index, name] of pass.entries()) {
    if (isReserved(name)) problems.add(`sandbox.passEnv.${index}`, `a variable other than ${name}`)
  }
  const found: RunEnvironment = { env: {}, certificates: [], warnings: [] }
  for (const name of proxyNames) passProxy(name, input, found)
  for (const name of certificateNames) if (set[name] === undefined) passCertificates(name, input, found)
  for (const name of pass) {
    const value = server[name]
    if (value !== undefined && !certificateNames.includes(name)) found.env[name] = value
  }
  Object.assign(found.env, set)
  withholdSecrets(found, input.secrets)
  return found
}

function passProxy(name: string, { server, pass }: RunEnvironmentInput, found: RunEnvironment): void {
  const value = server[name]
  if (value === undefined || value === '') return
  if (!/^no_/i.test(name) && /\/\/[^/]*@|^[^/]*@/.test(value) && !pass.includes(name)) {
    found.warnings.push(
      `${name} holds a password and is not passed to runs; name it in sandbox.passEnv if they may know it.`,
    )
    return
  }
  found.env[name] = value
}

function passCertificates(name: string, input: RunEnvironmentInput, found: RunEnvironment): void {
  const value = input.server[name]
  if (value === undefined || value === '') return
  const paths = name === 'SSL_CERT_DIR' ? value.split(delimiter) : [value]
  const real: string[] = []
  for (const path of paths) {
    const fault = isAbsolute(path) ? certificateFault(path, input.isPrivate) : 'it is not an absolute path'
    if (fault !== null) {
      found.warnings.push(`${name} is not passed to runs: ${path}: ${fault}.`)
      return
    }
    real.push(realpathSync(path))
  }
  found.env[name] = real.join(delimiter)
  found.certificates.push(...real)
}

/** Why the path does not plainly hold certificates and nothing else; null when it does. */
function certificateFault(path: string, isPrivate: (path: string) => boolean): string | null {
  try {
    const real = realpathSync(path)
    if (isPrivate(real)) return 'runs may not read it'
    if (!statSync(real).isDirectory()) return fileFault(real)
    const names = readdirSync(real)
    if (names.length > certificateFilesMax) return 'it holds more than certificates'
    for (const name of names) {
      const file = join(real, name)
      const fault = statSync(file, { throwIfNoEntry: false })?.isFile() ? fileFault(file) : null
      if (fault !== null) return `${name}: ${fault}`
    }
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'it cannot be read'
  }
}

function fileFault(file: string): string | null {
  if (statSync(file).size > certificateBytesMax) return 'it is too large for certificates'
  const text = readFileSync(file, 'latin1')
  if (/PRIVATE KEY-----/.test(text)) return 'it holds a private key'
  return null
}

function withholdSecrets(found: RunEnvironment, secrets: RunEnvironmentInput['secrets']): void {
  const known = secrets.filter((secret) => secret.length >= secretCharsMin)
  for (const [name, value] of Object.entries(found.env)) {
    if (!known.some((secret) => value.includes(secret))) continue
    delete found.env[name]
    found.warnings.push(`${name} holds a secret of this server and is not passed to runs.`)
  }
}
