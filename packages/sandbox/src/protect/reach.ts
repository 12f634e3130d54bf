/**
 * Looks at what a run may have made hard to look at: a run that is its server's own user can take permissions away from
 * directories of its project, and put links and pipes where files were.
 */
import { chmodSync, closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { entryAt } from '#paths'

/** Opens a directory without reading it, which needs no permission on it. Not among Node's constants. */
const O_PATH = 0o10_000_000

/** Like `entryAt`, and gives back to the owner a permission that is missing on the way. Throws if that fails. */
export function reach(path: string): Stats | null {
  for (let opened = ''; ; ) {
    try {
      return entryAt(path)
    } catch (error) {
      const barrier = barrierTo(path)
      if (codeOf(error) !== 'EACCES' || barrier === opened) throw error
      permitOwner(barrier)
      opened = barrier
    }
  }
}

/** Returns the closed directory on the way to a path that cannot be looked at. */
export function barrierTo(path: string): string {
  let directory = dirname(path)
  for (; directory !== '/'; directory = dirname(directory)) {
    try {
      entryAt(directory)
      break
    } catch {
      // One above it is closed.
    }
  }
  return directory
}

/**
 * Acts, and acts again with every permission on these directories if one was missing. Root lacks none; another server may lack
 * one that its run took away.
 */
export function asOwner(directories: readonly string[], act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(codeOf(error))) throw error
    for (const directory of directories) permitOwner(directory)
    act()
  }
}

/** Gives the owner every permission on a directory, if it is one. */
function permitOwner(directory: string): void {
  let descriptor: number
  try {
    descriptor = openSync(directory, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch {
    return
  }
  try {
    chmodSync(`/proc/self/fd/${descriptor}`, (fstatSync(descriptor).mode & 0o7777) | 0o700)
  } catch {
    // It belongs to somebody else. The caller's next attempt fails and gives the reason.
  } finally {
    closeSync(descriptor)
  }
}

/** Returns the text of a regular file, or '' if there is none. Throws if it is something else, or larger. */
export function textAt(path: string, bytesMax: number): string {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile() || stat.size > bytesMax)
      throw Object.assign(new Error(`${path} is no small file`), { code: 'EINVAL' })
    return readAtMost(descriptor, stat.size).toString('utf8')
  } finally {
    closeSync(descriptor)
  }
}

/** Reads up to `bytesMax` bytes from the start of an open file. */
export function readAtMost(descriptor: number, bytesMax: number): Buffer {
  const content = Buffer.alloc(bytesMax)
  let length = 0
  while (length < bytesMax) {
    const count = readSync(descriptor, content, length, bytesMax - length, null)
    if (count === 0) break
    length += count
  }
  return content.subarray(0, length)
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? ''
}
