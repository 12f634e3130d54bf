/** Where a server keeps its data, and where clients on the same machine look for it. */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import type { Problems } from './problems.ts'

/** The folder that holds the default data directories of one user. */
export function stateRoot(env: NodeJS.ProcessEnv): string {
  // The XDG base directory specification says to ignore a relative path.
  const base =
    absolute(env.XDG_STATE_HOME) ?? join(absolute(env.HOME) ?? userInfo().homedir, '.local', 'state')
  return join(base, 'millrace')
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined
}

/** `<state root>/<folder>-<hash>`: one for each directory a server is started in. */
export function defaultDataDir(env: NodeJS.ProcessEnv, cwd: string): string {
  const real = realpathSync(cwd)
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 12)
  const folder = basename(real).replace(/[^A-Za-z0-9._-]/g, '_') || 'root'
  return join(stateRoot(env), `${folder}-${hash}`)
}

/** The data directory that was named, and by what; undefined if the default applies. */
export function namedDataDir(
  flag: string | undefined,
  env: NodeJS.ProcessEnv,
  cwd: string,
): { path: string; by: '--data' | 'MILLRACE_DATA' } | undefined {
  if (flag !== undefined) return { path: resolve(cwd, flag), by: '--data' }
  if (env.MILLRACE_DATA) return { path: resolve(cwd, env.MILLRACE_DATA), by: 'MILLRACE_DATA' }
  return undefined
}

/**
 * Returns the data directory, absolute, links resolved as far as it exists. Reports a problem if it is inside
 * a project (a run could write it) or contains one (the sandbox would hide the project).
 */
export function resolveDataDir(
  named: { path: string; by: string } | undefined,
  env: NodeJS.ProcessEnv,
  cwd: string,
  projects: Iterable<{ id: string; path: string }>,
  problems: Problems,
): string {
  const path = realpathOfExisting(named?.path ?? defaultDataDir(env, cwd))
  for (const project of projects) {
    const inside = contains(project.path, path)
    if (!inside && !contains(path, project.path)) continue
    const relation = inside ? 'inside' : 'around'
    const remedy = named === undefined ? '; name another with --data or MILLRACE_DATA' : ''
    problems.add(
      named?.by ?? '--data',
      `a data directory outside every project; ${path} is ${relation} the project "${project.id}" (${project.path})${remedy}`,
    )
  }
  return path
}

function contains(outer: string, inner: string): boolean {
  const way = relative(outer, inner)
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way))
}

function realpathOfExisting(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realpathOfExisting(parent), basename(path))
  }
}
