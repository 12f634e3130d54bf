/** Questions about paths that more than one part of the sandbox asks. All paths are absolute. */
import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, sep } from 'node:path'

/** True when `path` is `directory` or lies below it. */
export function isWithin(directory: string, path: string): boolean {
  const prefix = directory.endsWith(sep) ? directory : directory + sep
  return path === directory || path.startsWith(prefix)
}

/** The directories strictly between `top` and `path`, the outermost first. */
export function directoriesBetween(top: string, path: string): string[] {
  const found: string[] = []
  for (let at = dirname(path); at !== top && isWithin(top, at); at = dirname(at)) found.unshift(at)
  return found
}

/** The path without links, or null when there is no such thing. */
export function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

/** What is at the path itself, links not followed. Null when there is nothing. */
export function entryAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** May this user pass through every directory above `path`? Root may. */
export function isReachable(path: string, uid: number, gid: number): boolean {
  if (uid === 0) return true
  for (let at = dirname(path); ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false })
    if (stat === undefined) return false
    const shift = stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0
    if (((stat.mode >> shift) & 1) === 0) return false
    if (at === dirname(at)) return true
  }
}
