/**
 * The paths in its project that a run may not write: everything that a program outside the sandbox would treat as
 * code or settings. Existing paths are read-only. Missing ones are watched by name, or, inside a repository,
 * where no tool looks for content, held by a stand-in.
 *
 * Protecting the file is not enough, because a run could move a directory above it away and create a new one. So
 * every directory between the project and a protected path is pinned as a mount of its own, which the kernel
 * refuses to rename or remove.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import type { OutsideRepository } from '#git/repository'
import { directoriesBetween, entryAt, isWithin } from '#paths'
import { bareRepositoryPaths, gitPaths } from './git-paths.ts'
import type { WatchedName } from './name-watcher.ts'
import type { StandIn } from './placeholders.ts'
import type { Protected } from './protected.ts'
import { barrierTo } from './reach.ts'
import { isPlainOperation } from './unfinished-operation.ts'

export interface Protection {
  readOnly: string[]
  /** The run writes here, and cannot move it. */
  pinned: string[]
  /** Configurations of git: the run gets a copy that it may change. */
  copied: string[]
  /** Directories of generated files: the run gets copies that end with it. */
  generated: { path: string; files: { name: string; content: Buffer; mode: number }[] }[]
  /** Inside a repository. */
  missing: StandIn[]
  /** Everywhere else in the project. */
  watched: WatchedName[]
}

/** Names of configuration files that a server started in the project would load. */
const configNames = ['millrace.config.ts', 'millrace.config.js', 'millrace.config.json']

export interface ProtectOptions {
  projectPath: string
  /** Roots of all projects; those inside this one are protected like it. */
  roots: readonly string[]
  configFile: string | null
  /** The repository of the project, if it lies outside it. */
  outside: OutsideRepository | null
  /** The user of the run. */
  uid: number
  /** Returns true if the entry at this path is one of our stand-ins. */
  isStandIn(path: string): boolean
  /** Did this path not exist when a run began that is active? Then it is watched for this run as well. */
  isWatched(path: string): boolean
}

/**
 * Throws `sandbox_unavailable` if a protected path is a link, because a run could replace the link, and if the server may not
 * look at it.
 */
export function protect(options: ProtectOptions): Protection {
  try {
    return protectionOf(options)
  } catch (error) {
    const { code, syscall, path } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' || path === undefined) throw error
    const closed = syscall === 'lstat' ? barrierTo(path) : path
    throw new MillraceError(
      'sandbox_unavailable',
      `This server cannot read ${closed}, where it would protect what other programs execute; give it back its permissions (chmod u+rwX)`,
    )
  }
}

function protectionOf(options: ProtectOptions): Protection {
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
  const protection: Protection = {
    readOnly: [],
    pinned: [],
    copied: [],
    generated: [],
    missing: [],
    watched: [],
  }
  const pinned = new Set<string>()
  for (const one of wanted) {
    for (const directory of directoriesBetween(one.top ?? projectPath, one.path))
      pinned.add(refuseLink(directory))
    if (one.access === 'write') pinned.add(one.path)
    else place(one, protection, options)
  }
  protection.pinned = [...pinned]
  return protection
}

function place(
  { path, kind, content = '', watch, access, isCopied, isGenerated }: Protected,
  protection: Protection,
  options: ProtectOptions,
): void {
  const isMissing = entryAt(path) === null
  if (access === 'read') protection.readOnly.push(path)
  else if (watch === 'operation' && (isMissing || isPlainOperation(path)))
    protection.watched.push({ path, kind: watch })
  else if (watch !== undefined && watch !== 'operation' && (isMissing || options.isWatched(path)))
    protection.watched.push({ path, kind: watch })
  else if (watch === 'bare') return
  else if (isMissing || options.isStandIn(path)) protection.missing.push({ path, kind, content })
  else if (isCopied && entryAt(refuseLink(path))?.uid === options.uid) protection.copied.push(path)
  else if (isGenerated) protection.generated.push({ path: refuseLink(path), files: filesOf(path) })
  else protection.readOnly.push(refuseLink(path))
}

const generatedFilesMax = 64

/** Only the plain files, and few: Husky generates about twenty. */
function filesOf(directory: string): Protection['generated'][number]['files'] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .slice(0, generatedFilesMax)
    .map(({ name }) => {
      const path = join(directory, name)
      return { name, content: readFileSync(path), mode: lstatSync(path).mode & 0o777 }
    })
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
