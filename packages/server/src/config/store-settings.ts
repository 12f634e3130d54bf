/** Where the store is, if it is not in the data directory: the address of a database, and its password. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { type Config, type NodeRole, nodeRoles } from './config.ts'
import type { Problems } from './problems.ts'
import { postgresAddress, redisAddress, type sectionSchemas } from './schema.ts'
import { type ConfigFlags, given } from './settings.ts'

interface StoreInput {
  flags: ConfigFlags
  env: NodeJS.ProcessEnv
  /** The base of a relative path. */
  cwd: string
  section: z.infer<typeof sectionSchemas.store> | undefined
  wakeups: z.infer<typeof sectionSchemas.wakeups> | undefined
}

/** Undefined: the embedded store, in the data directory. No problem shows the address: it may hold a password. */
export function readStore(
  { flags, env, cwd, section, wakeups }: StoreInput,
  problems: Problems,
): { store: Config['store']; warnings: string[] } {
  const named = given(flags.store, '--store', env.MILLRACE_STORE, 'MILLRACE_STORE')
  const role = given(flags.role, '--role', env.MILLRACE_ROLE, 'MILLRACE_ROLE')
  const url = named?.text ?? section?.url
  if (url === undefined) {
    if (section !== undefined) problems.add('store.url', postgresAddress)
    else if (role !== undefined) problems.add(role.by, 'a store that several nodes share (--store)')
    return { store: undefined, warnings: [] }
  }
  if (!isPostgresUrl(url)) {
    problems.add(named?.by ?? 'store.url', postgresAddress)
    return { store: undefined, warnings: [] }
  }
  const password = readPassword(section?.passwordFile, cwd, problems)
  const warnings =
    flags.store !== undefined && hasPassword(flags.store)
      ? [
          'The password in --store is visible to every user of this machine: put it into store.passwordFile, PGPASSFILE or MILLRACE_STORE.',
        ]
      : []
  const { leaseSeconds = 15, synchronousStandby = false, concurrency = {} } = section ?? {}
  const store = {
    url,
    password,
    leaseSeconds,
    synchronousStandby,
    role: readRole(role, section?.role, problems),
    redisUrl: readRedis(env, wakeups?.redisUrl, problems),
    concurrency,
  }
  return { store, warnings }
}

function readRedis(
  env: NodeJS.ProcessEnv,
  inFile: string | undefined,
  problems: Problems,
): string | undefined {
  const url = env.MILLRACE_REDIS || inFile
  if (url === undefined || (/^rediss?:\/\//.test(url) && URL.canParse(url))) return url
  problems.add(env.MILLRACE_REDIS ? 'MILLRACE_REDIS' : 'wakeups.redisUrl', redisAddress)
  return undefined
}

function readRole(
  named: { by: string; text: string } | undefined,
  inFile: NodeRole = 'all',
  problems: Problems,
): NodeRole {
  if (named === undefined) return inFile
  const role = nodeRoles.find((known) => known === named.text)
  if (role === undefined) problems.add(named.by, nodeRoles.map((known) => `"${known}"`).join(' or '))
  return role ?? inFile
}

/** The address without its password, to be shown. */
export function shownAddress(url: string): string {
  const parsed = new URL(url)
  if (parsed.password !== '') parsed.password = '********'
  return parsed.href
}

/** A password in the query would be shown where addresses are. */
function isPostgresUrl(value: string): boolean {
  if (!/^postgres(?:ql)?:\/\//.test(value) || !URL.canParse(value)) return false
  return !new URL(value).searchParams.has('password')
}

function hasPassword(url: string): boolean {
  return URL.canParse(url) && new URL(url).password !== ''
}

function readPassword(file: string | undefined, cwd: string, problems: Problems): string | undefined {
  if (file === undefined) return undefined
  try {
    const password = readFileSync(resolve(cwd, file), 'utf8').replace(/\r?\n$/, '')
    if (password !== '') return password
    problems.add('store.passwordFile', 'a file that holds a password')
  } catch {
    problems.add('store.passwordFile', 'a file that can be read')
  }
  return undefined
}
