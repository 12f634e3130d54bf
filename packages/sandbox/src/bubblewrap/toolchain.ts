/**
 * The programs a run finds: the PATH it gets, and the directories outside the system's own that must
 * be visible for it. Worked out once, from the PATH of the server.
 */
import { basename, dirname, isAbsolute, join } from 'node:path'
import { isDirectory, isWithin, realPath } from '#paths'

export interface Toolchain {
  /** Directories of the PATH, in order. */
  path: string[]
  /** Directories to show read-only, besides the system's. */
  shown: string[]
}

export interface ToolchainOptions {
  /** The running node. */
  node: string
  /** The PATH of the server. */
  path: string
  /** Never shown, nor anything that holds them. */
  home: string
  dataDir: string
  projects: readonly string[]
}

/** Directories of the operating system, which every run sees. */
export const systemDirectories = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/libx32', '/lib64']

export function isSystemPath(path: string): boolean {
  return systemDirectories.some((directory) => isWithin(directory, path))
}

export function findToolchain(options: ToolchainOptions): Toolchain {
  const shown = new Set<string>()
  const path = new Set<string>()
  const show = (directory: string) => {
    if (!isSystemPath(directory)) shown.add(directory)
  }
  const nodeDirectory = dirname(realPath(options.node) ?? options.node)
  const directories = options.path.split(':').filter(isAbsolute)
  // A node below home (nvm and the like) is shown by itself, and nothing else of home.
  if (holdsNothingPrivate(nodeDirectory, options)) {
    show(nodeDirectory)
    path.add(nodeDirectory)
  }
  const npm = npmPackage([nodeDirectory, ...directories])
  if (npm !== null && holdsNothingPrivate(npm, options)) show(npm)
  for (const directory of directories) {
    const real = realPath(directory)
    if (real === null || !isDirectory(real)) continue
    if (isSystemPath(real)) path.add(isSystemPath(directory) ? directory : real)
    else if (isShareable(directory, options) && isShareable(real, options)) {
      show(real)
      path.add(real)
    }
  }
  for (const directory of ['/usr/local/bin', '/usr/bin', '/bin'])
    if (isDirectory(directory)) path.add(directory)
  return { path: [...path], shown: [...shown] }
}

function isShareable(directory: string, options: ToolchainOptions): boolean {
  // What npm puts in front for its own scripts points into one project's packages.
  if (basename(directory) === '.bin') return false
  const { home, dataDir, projects } = options
  if ([home, dataDir, ...projects].some((place) => isWithin(place, directory))) return false
  return holdsNothingPrivate(directory, options)
}

function holdsNothingPrivate(directory: string, { home, dataDir, projects }: ToolchainOptions): boolean {
  if (['/', '/proc', '/sys', '/dev', '/etc', '/run', '/tmp', '/home', '/var'].includes(directory))
    return false
  if (isWithin(dataDir, directory)) return false
  return ![home, dataDir, ...projects].some((place) => isWithin(directory, place))
}

/** The package npm's command belongs to, which it needs besides the command itself. */
function npmPackage(directories: readonly string[]): string | null {
  for (const directory of directories) {
    const command = join(directory, 'npm')
    if (basename(directory) === '.bin') continue
    // Null also where the server's user may not look, as in root's directories of an inherited PATH.
    const real = realPath(command)
    // …/npm/bin/npm-cli.js
    if (real !== null && basename(real) === 'npm-cli.js') return dirname(dirname(real))
  }
  return null
}
