/**
 * The paths in its project that a run may not write: everything that a program outside the sandbox would treat as
 * code or settings. Existing paths are read-only. Missing ones are watched by name, or, inside a repository,
 * where no tool looks for content, held by a stand-in.
 *
 * Protecting the file is not enough, because a run could move a directory above it away and create a new one. So
 * every directory between the project and a protected path is pinned as a mount of its own, which the kernel
 * refuses to rename or remove.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { directoriesBetween, entryAt, isWithin, realPath } from '#paths'
import type { StandIn } from './placeholders.ts'
import type { WatchedName } from './quarantine.ts'

export interface Protection {
  readOnly: string[]
  pinned: string[]
  /** Inside a repository. */
  missing: StandIn[]
  /** Everywhere else in the project. */
  watched: WatchedName[]
}

/** Names of configuration files that a server started in the project would load. */
const configNames = ['millrace.config.ts', 'millrace.config.js', 'millrace.config.json']

interface Protected {
  path: string
  kind: StandIn['kind']
  content?: string
  /** Set for what lies outside a repository. */
  watch?: WatchedName['kind']
}

export interface ProtectOptions {
  projectPath: string
  /** Roots of all projects; those inside this one are protected like it. */
  roots: readonly string[]
  configFile: string | null
  /** Returns true if the entry at this path is one of our stand-ins. */
  isStandIn(path: string): boolean
  /** Did this path not exist when a run began that is active? Then it is watched for this run as well. */
  isWatched(path: string): boolean
}

/** Throws `sandbox_unavailable` if a protected path is a link, because a run could replace the link. */
export function protect(options: ProtectOptions): Protection {
  const { projectPath, configFile } = options
  const inside = options.roots.filter((root) => isWithin(projectPath, root))
  const wanted: Protected[] = [...new Set([projectPath, ...inside])].flatMap((root) => [
    ...gitPaths(root, projectPath, options),
    ...bareRepositoryPaths(root, projectPath),
    { path: join(root, '.claude'), kind: 'directory', watch: 'settings' },
    { path: join(root, '.mcp.json'), kind: 'file', watch: 'settings' },
    ...configNames.map((name): Protected => ({ path: join(root, name), kind: 'file', watch: 'settings' })),
  ])
  if (configFile !== null && isWithin(projectPath, configFile))
    wanted.push({ path: configFile, kind: 'file', watch: 'settings' })
  const protection: Protection = { readOnly: [], pinned: [], missing: [], watched: [] }
  const pinned = new Set<string>()
  for (const { path, kind, content = '', watch } of wanted) {
    for (const directory of directoriesBetween(projectPath, path)) pinned.add(refuseLink(directory))
    if (watch !== undefined && (entryAt(path) === null || options.isWatched(path)))
      protection.watched.push({ path, kind: watch })
    else if (watch === 'bare') continue
    else if (entryAt(path) === null || options.isStandIn(path))
      protection.missing.push({ path, kind, content })
    else protection.readOnly.push(refuseLink(path))
  }
  protection.pinned = [...pinned]
  return protection
}

function refuseLink(path: string): string {
  if (entryAt(path)?.isSymbolicLink()) {
    throw new MillraceError(
      'sandbox_unavailable',
      `${path} is a symbolic link, which a run could replace; make it a regular file or directory`,
    )
  }
  return path
}

function gitPaths(
  root: string,
  projectPath: string,
  { isWatched }: Pick<ProtectOptions, 'isWatched'>,
): Protected[] {
  const git = join(root, '.git')
  const entry = entryAt(git)
  if (entry === null || isWatched(git)) return [{ path: git, kind: 'directory', watch: 'repository' }]
  if (entry.isDirectory()) return gitDirectoryPaths(git, root, projectPath)
  if (!entry.isFile()) return [{ path: git, kind: 'file' }]
  const target = realPath(resolve(root, linkedDirectory(git)))
  const linked = target !== null && isWithin(projectPath, target) && target !== projectPath
  return [{ path: git, kind: 'file' }, ...(linked ? gitDirectoryPaths(target, root, projectPath) : [])]
}

/**
 * To git, a directory that contains HEAD, objects and refs is a repository without a working tree. Git obeys its
 * `config` and `hooks`, and looks there if `.git` is missing or damaged. So a missing entry must not appear while
 * the others exist.
 */
function bareRepositoryPaths(root: string, projectPath: string): Protected[] {
  const free = ['refs', 'objects', 'HEAD'].filter((name) => entryAt(join(root, name)) === null)
  if (free.length > 0) return free.map((name) => ({ path: join(root, name), kind: 'file', watch: 'bare' }))
  const isRepository = ['refs', 'objects'].every((name) => entryAt(join(root, name))?.isDirectory())
  return isRepository ? gitDirectoryPaths(root, root, projectPath) : []
}

function gitDirectoryPaths(git: string, root: string, projectPath: string): Protected[] {
  const paths: Protected[] = [
    { path: join(git, 'config'), kind: 'file' },
    { path: join(git, 'hooks'), kind: 'directory' },
    // Both point git to another configuration. "." means the same as no `commondir`.
    { path: join(git, 'commondir'), kind: 'file', content: '.\n' },
    { path: join(git, 'config.worktree'), kind: 'file' },
    // The repositories of submodules, and the metadata of linked working trees elsewhere.
    { path: join(git, 'modules'), kind: 'directory' },
  ]
  const worktrees = join(git, 'worktrees')
  if (entryAt(worktrees) !== null) paths.push({ path: worktrees, kind: 'directory' })
  return [...paths, ...configuredPaths(git, root, projectPath)]
}

/** Returns the hooks and included files that the repository's configuration places in the working tree. */
function configuredPaths(git: string, root: string, projectPath: string): Protected[] {
  const setting = /(?:^|[\]\s])(hookspath|path)[ \t]*=[ \t]*"?([^"\n]+?)"?[ \t]*$/gim
  return [...textOf(join(git, 'config')).matchAll(setting)].flatMap(([, name, value]): Protected[] => {
    if (name === undefined || value === undefined || value.startsWith('~')) return []
    const hooks = name.toLowerCase() === 'hookspath'
    const path = resolve(hooks ? root : git, value)
    if (!isWithin(projectPath, path) || path === projectPath) return []
    const first = [...directoriesBetween(projectPath, path), path].find((part) => entryAt(part) === null)
    // A missing directory on the way represents everything below it.
    if (first !== undefined && first !== path) return [{ path: first, kind: 'directory', watch: 'settings' }]
    return [{ path, kind: hooks ? 'directory' : 'file', watch: 'settings' }]
  })
}

function linkedDirectory(gitFile: string): string {
  return /^gitdir:[ \t]*(.+?)\s*$/m.exec(textOf(gitFile))?.[1] ?? dirname(gitFile)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
