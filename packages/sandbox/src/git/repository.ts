/** Finds the repository that a project belongs to when it is not the project's own `.git` directory. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { entryAt, isDirectory, isReachable, isWithin, realPath } from '#paths'
import { entriesOf } from './config-text.ts'

export interface OutsideRepository {
  /** What git writes for this working tree: HEAD, the index. */
  directory: string
  /** What all working trees share: objects, branches, the configuration. The same, except in a linked working tree. */
  common: string
  /** The top of the working tree, if the project is a directory in it. Otherwise null. */
  tree: string | null
}

export interface RepositoryOptions {
  projectPath: string
  user: { uid: number; gid: number }
  /** The home of the server's user. A repository that holds it is not for runs; one in it is. */
  home: string
  /** A repository that holds the data directory, or lies in it, is not for runs. */
  dataDir: string
}

/**
 * Returns null where there is none, and where the run's user could not use it. What a `.git` file names counts only if
 * the repository names this working tree in turn: the file may come from anybody.
 */
export function outsideRepository(options: RepositoryOptions): OutsideRepository | null {
  const { projectPath, user, home, dataDir } = options
  const tree = treeAbove(projectPath)
  if (tree === null) return null
  const isInside = tree !== projectPath
  if (isInside && (tree === '/' || [home, dataDir].some((path) => isWithin(tree, path)))) return null
  const git = join(tree, '.git')
  const entry = entryAt(git)
  const found = entry?.isDirectory()
    ? { directory: git, common: git }
    : entry?.isFile()
      ? linked(git, tree)
      : null
  if (found === null || isWithin(projectPath, found.directory)) return null
  const usable = [...new Set([...Object.values(found), ...(isInside ? [tree] : [])])].every(
    (path) =>
      ![home, dataDir].some((other) => isWithin(path, other)) &&
      (path === tree || !isWithin(dataDir, path)) &&
      isReachable(path, user.uid, user.gid) &&
      statSync(path).uid === statSync(projectPath).uid,
  )
  return usable ? { ...found, tree: isInside ? tree : null } : null
}

function treeAbove(projectPath: string): string | null {
  for (let at = projectPath; ; at = dirname(at)) {
    if (entryAt(join(at, '.git')) !== null) return at
    if (dirname(at) === at) return null
  }
}

/** Follows a `.git` file. */
function linked(git: string, tree: string): { directory: string; common: string } | null {
  const named = /^gitdir:[ \t]*(.+?)\s*$/m.exec(textOf(git))?.[1]
  const directory = named === undefined ? null : realPath(resolve(tree, named))
  if (directory === null || !isDirectory(directory)) return null
  const common = realPath(resolve(directory, textOf(join(directory, 'commondir')).trim() || '.'))
  if (common === null || !isDirectory(common)) return null
  if (common === directory) return isSubmodule(directory, tree) ? { directory, common } : null
  const back = realPath(textOf(join(directory, 'gitdir')).trim())
  const isWorktree = dirname(directory) === join(common, 'worktrees') && back === realPath(git)
  return isWorktree ? { directory, common } : null
}

function isSubmodule(directory: string, tree: string): boolean {
  const entries = entriesOf(textOf(join(directory, 'config'))) ?? []
  const named = entries.findLast(({ section, name }) => section === 'core' && name === 'worktree')?.value
  return named != null && realPath(resolve(directory, named)) === realPath(tree)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
