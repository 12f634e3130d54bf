/** What of a repository a run may not change, and what it must be able to. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { OutsideRepository } from '#git/repository'
import { directoriesBetween, entryAt, isDirectory, isWithin, realPath } from '#paths'
import type { Protected } from './protected.ts'
import { operationNames } from './unfinished-operation.ts'

interface GitOptions {
  outside: OutsideRepository | null
  isWatched(path: string): boolean
}

/** `root` is the project, or a project inside it. */
export function gitPaths(root: string, projectPath: string, options: GitOptions): Protected[] {
  const git = join(root, '.git')
  const entry = entryAt(git)
  const outside = root === projectPath && options.outside !== null ? outsidePaths(options.outside, root) : []
  if (entry === null || options.isWatched(git))
    return [{ path: git, kind: 'directory', watch: 'repository' }, ...outside]
  if (entry.isDirectory()) return gitDirectoryPaths(git, root, projectPath)
  if (!entry.isFile()) return [{ path: git, kind: 'file' }]
  const target = realPath(resolve(root, linkedDirectory(git)))
  const within = target !== null && isWithin(projectPath, target) && target !== projectPath
  return [
    { path: git, kind: 'file' },
    ...(within ? gitDirectoryPaths(target, root, projectPath) : []),
    ...outside,
  ]
}

/**
 * To git, a directory that contains HEAD, objects and refs is a repository without a working tree. Git obeys its
 * `config` and `hooks`, and looks there if `.git` is missing or damaged. So a missing entry must not appear while
 * the others exist.
 */
export function bareRepositoryPaths(root: string, projectPath: string): Protected[] {
  const free = ['refs', 'objects', 'HEAD'].filter((name) => entryAt(join(root, name)) === null)
  if (free.length > 0) return free.map((name) => ({ path: join(root, name), kind: 'file', watch: 'bare' }))
  const isRepository = ['refs', 'objects'].every((name) => entryAt(join(root, name))?.isDirectory())
  return isRepository ? gitDirectoryPaths(root, root, projectPath) : []
}

/** A repository outside the project. The run gets it as it is, without what belongs to other working trees. */
function outsidePaths({ directory, common, tree }: OutsideRepository, root: string): Protected[] {
  const top = tree ?? root
  const paths: Protected[] = [
    ...(tree === null ? [] : [{ path: tree, kind: 'directory', access: 'read' } as const]),
    { path: common, kind: 'directory', access: 'write' },
    ...gitDirectoryPaths(common, top, common),
  ]
  if (directory === common) return paths
  // The working tree that the repository itself has.
  const others = ['HEAD', 'index'].filter((name) => entryAt(join(common, name)) !== null)
  return [
    ...paths,
    ...others.map((name): Protected => ({ path: join(common, name), kind: 'file' })),
    { path: directory, kind: 'directory', access: 'write' },
    { path: join(directory, 'gitdir'), kind: 'file' },
    { path: join(directory, 'commondir'), kind: 'file' },
    { path: join(directory, 'config.worktree'), kind: 'file' },
    ...modulePaths(directory, directory),
    ...operationPaths(directory),
  ]
}

/** `top`: what the run may write; the directories below it, on the way to a protected path, are pinned. */
function gitDirectoryPaths(git: string, root: string, top: string): Protected[] {
  const paths: Protected[] = [
    { path: join(git, 'config'), kind: 'file', isCopied: true },
    { path: join(git, 'hooks'), kind: 'directory' },
    // Both point git to another configuration. "." means the same as no `commondir`.
    { path: join(git, 'commondir'), kind: 'file', content: '.\n' },
    { path: join(git, 'config.worktree'), kind: 'file' },
    ...modulePaths(git, top),
    ...operationPaths(git),
  ]
  const worktrees = join(git, 'worktrees')
  if (entryAt(worktrees) !== null) paths.push({ path: worktrees, kind: 'directory' })
  return [...paths, ...configuredPaths(git, root, top)].map((one) => ({ top, ...one }))
}

/** The repositories of submodules. Those that exist can be worked in; a run adds none. */
function modulePaths(git: string, top: string): Protected[] {
  const modules = join(git, 'modules')
  const paths: Protected[] = [{ path: modules, kind: 'directory' }]
  for (const module of repositoriesBelow(modules)) {
    paths.push({ path: module, kind: 'directory', access: 'write' })
    paths.push(...gitDirectoryPaths(module, module, module))
  }
  return paths.map((one) => ({ top, ...one }))
}

const moduleDepthMax = 5

/** The name of a submodule may contain slashes. */
function repositoriesBelow(directory: string, depth = 0): string[] {
  if (depth > moduleDepthMax || !entryAt(directory)?.isDirectory()) return []
  if (entryAt(join(directory, 'HEAD')) !== null && isDirectory(join(directory, 'objects'))) return [directory]
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => repositoriesBelow(join(directory, entry.name), depth + 1))
}

function operationPaths(git: string): Protected[] {
  return operationNames.map((name) => ({ path: join(git, name), kind: 'directory', watch: 'operation' }))
}

/** Returns the hooks and included files that the repository's configuration places in the working tree. */
function configuredPaths(git: string, root: string, top: string): Protected[] {
  const setting = /(?:^|[\]\s])(hookspath|path)[ \t]*=[ \t]*"?([^"\n]+?)"?[ \t]*$/gim
  return [...textOf(join(git, 'config')).matchAll(setting)].flatMap(([, name, value]): Protected[] => {
    if (name === undefined || value === undefined || value.startsWith('~')) return []
    const isHooks = name.toLowerCase() === 'hookspath'
    const path = resolve(isHooks ? root : git, value)
    if (!isWithin(top, path) || path === top) return []
    const first = [...directoriesBetween(top, path), path].find((part) => entryAt(part) === null)
    // A missing directory on the way represents everything below it.
    const itself: Protected[] =
      first !== undefined && first !== path
        ? [{ path: first, kind: 'directory', watch: 'settings' }]
        : [{ path, kind: isHooks ? 'directory' : 'file', watch: 'settings' }]
    // Husky generates this directory at each install, and its hooks run the files of the one above.
    const isGenerated = isHooks && basename(path) === '_' && dirname(path) !== top
    if (!isGenerated || first === dirname(path)) return itself
    const above: Protected[] =
      first === undefined || first === path ? [{ path: dirname(path), kind: 'directory' }] : []
    return [...above, ...itself.map((one) => ({ ...one, isGenerated: first === undefined }))]
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
