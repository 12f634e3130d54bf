/** Finds and reads the configuration file. */
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf } from '@millrace/protocol'
import { jsonErrorPosition } from './json-position.ts'
import type { Problems } from './problems.ts'

const configFileNames = ['millrace.config.ts', 'millrace.config.js', 'millrace.config.json'] as const

export interface ConfigContent {
  /** The file it was read from, absolute, links resolved; null if a program passed it. */
  path: string | null
  /** The base of relative project paths. */
  folder: string
  content: Record<string, unknown>
}

/**
 * Reads the named file, else the one in `cwd`. Null if there is none; undefined if it has a problem, which is
 * then reported. A `.ts` or `.js` file is imported: it is code.
 */
export async function readConfigFile(
  named: { path: string; by: string } | undefined,
  cwd: string,
  problems: Problems,
): Promise<ConfigContent | null | undefined> {
  const path = named === undefined ? await findIn(cwd, problems) : resolve(cwd, named.path)
  if (path === null || path === undefined) return path
  if (named !== undefined && !(await isFile(path))) {
    problems.add(named.by, `the path of a file; ${path} is not one`)
    return undefined
  }
  const real = await realpath(path)
  const content = await readContent(real, problems)
  if (content === undefined) return undefined
  if (isObject(content)) return { path: real, folder: dirname(real), content }
  problems.add(real, extname(real) === '.json' ? 'one object' : 'an object as its default export')
  return undefined
}

/** The same for a configuration that a program passed; undefined if it has a problem, which is then reported. */
export function asContent(given: unknown, folder: string, problems: Problems): ConfigContent | undefined {
  if (isObject(given)) return { path: null, folder, content: given }
  problems.add('config', 'an object')
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The configuration files in a directory; a start accepts one. */
export async function configFilesIn(cwd: string): Promise<string[]> {
  const found: string[] = []
  for (const name of configFileNames) {
    const path = join(cwd, name)
    // An empty file is no configuration: a running sandbox creates such files as mount points.
    if ((await isFile(path)) && (await stat(path)).size > 0) found.push(path)
  }
  return found
}

async function findIn(cwd: string, problems: Problems): Promise<string | null | undefined> {
  const found = await configFilesIn(cwd)
  if (found.length > 1) {
    problems.add(cwd, `one configuration file, not ${found.length}: ${found.join(', ')}`)
    return undefined
  }
  return found[0] ?? null
}

async function readContent(path: string, problems: Problems): Promise<unknown> {
  switch (extname(path)) {
    case '.json':
      return parseJson(path, await readFile(path, 'utf8'), problems)
    case '.ts':
    case '.js':
      return importDefault(path, problems)
    default:
      problems.add(path, 'a file name that ends in .ts, .js or .json')
      return undefined
  }
}

function parseJson(path: string, raw: string, problems: Problems): unknown {
  const text = raw.replace(/^\uFEFF/, '')
  try {
    return JSON.parse(text)
  } catch {
    const { line, column } = jsonErrorPosition(text)
    const rest = text.split('\n')[line - 1]?.slice(column - 1) ?? ''
    const hint = /^\/[/*]/.test(rest) ? ' (JSON has no comments; use millrace.config.js for those)' : ''
    problems.add(`${path}:${line}:${column}`, `valid JSON from here on${hint}`)
    return undefined
  }
}

async function importDefault(path: string, problems: Problems): Promise<unknown> {
  try {
    const loading = import(pathToFileURL(path).href) as Promise<{ default?: unknown }>
    // A default export that is a promise is waited for, too.
    return (await settled(loading.then((module) => module.default))) ?? null
  } catch (error) {
    // Only the first line of a SyntaxError's stack gives the position.
    const stack = error instanceof SyntaxError ? error.stack?.split('\n')[0] : undefined
    const at = stack?.startsWith(pathToFileURL(path).href) || stack?.startsWith(path) ? stack : path
    problems.add(at, `a module that can be loaded: ${messageOf(error)}`)
    return undefined
  }
}

const settleMsMax = 60_000

/** Fails when the promise can no longer settle, since nothing is left that could do it, or takes a minute. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  const never = Promise.withResolvers<never>()
  const giveUp = () => {
    // The program has more to do, if only to say why it ends.
    setTimeout(() => undefined, 1000)
    never.reject(new Error('a promise in it never settles'))
  }
  const timer = setTimeout(giveUp, settleMsMax)
  timer.unref()
  process.once('beforeExit', giveUp)
  try {
    return await Promise.race([promise, never.promise])
  } finally {
    clearTimeout(timer)
    process.off('beforeExit', giveUp)
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
