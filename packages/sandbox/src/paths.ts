/** Functions on paths that several parts of the sandbox need. All paths are absolute. */
import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, sep } from 'node:path'

/** True when `path` is `directory` or lies below it. */
export function isWithin(directory: string, path: string): boolean {
  const prefix = directory.endsWith(sep) ? directory : directory + sep
  return path === directory || path.startsWith(prefix)
}

/** Returns the directories strictly between `top` and `path`, the outermost first. */
export function directoriesBetween(top: string, path: string): string[] {
  const found: string[] = []
  for (let at = dirname(path); at !== top && isWithin(top, at); at = dirname(at)) found.unshift(at)
  return found
}

/** Returns the path with links resolved, or null if it does not exist. */
export function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

/** Returns the entry at the path itself, without following links, or null. */
export function entryAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null
}

/** Follows links. False for what cannot be looked at, such as a link to itself. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Returns true if this user may pass through every directory above `path`. Root may. */
export function isReachable(path: string, uid: number, gid: number): boolean {
  return closedAbove(path, uid, gid) === null
}

/** Returns what prevents this user from reading `path`: the outermost directory on the way, or the path itself. */
export function barrierTo(path: string, uid: number, gid: number): string | null {
  const closed = closedAbove(path, uid, gid)
  if (closed !== null || uid === 0) return closed
  const needed = isDirectory(path) ? constants.R_OK | constants.X_OK : constants.R_OK
  return allows(path, needed, uid, gid) ? null : path
}

function closedAbove(path: string, uid: number, gid: number): string | null {
  if (uid === 0) return null
  const above = ['/', ...directoriesBetween('/', path)]
  return above.find((directory) => !allows(directory, constants.X_OK, uid, gid)) ?? null
}

/** `needed`: the bits R_OK, W_OK and X_OK, as in one class of a mode. */
function allows(path: string, needed: number, uid: number, gid: number): boolean {
  // For ourselves, the kernel considers all groups and access lists. For others, we only know the mode.
  if (uid === process.getuid?.()) return canAccess(path, needed)
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return false
  const shift = stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0
  return ((stat.mode >> shift) & needed) === needed
}

function canAccess(path: string, needed: number): boolean {
  try {
    accessSync(path, needed)
    return true
  } catch {
    return false
  }
}
