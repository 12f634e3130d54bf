/**
 * Moves an entry out of a project. The run may still be at work there: it may change or replace the entry at any
 * moment, take the permissions to move it away, and put pipes where files were. So nothing here follows a link,
 * waits for a pipe, or reads more than a bound, and every copy starts at an open directory.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { removeTree } from '#homes/own-homes'
import { entryAt } from '#paths'
import { asOwner, readAtMost } from './reach.ts'

/** What is copied at most: the server waits for it. Settings and repositories without history are far smaller. */
const copiedBytesMax = 16 * 1024 * 1024
const copiedEntriesMax = 2000

/**
 * Moves the entry into `folder`, which need not exist. If that is impossible (another file system and much to copy, a full disk),
 * renames it in its own directory. Returns the new path, or null if nothing is there. Throws if neither works.
 */
export function takeAway(path: string, folder: string): string | null {
  let keptAt: string | null = null
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    keptAt = freeName(folder, basename(path))
    move(path, keptAt)
    return keptAt
  } catch {
    // Another file system, no space for the folder, or the entry is gone. The next lines tell which.
  }
  if (entryAt(path) === null) return null
  const aside = join(dirname(path), `.${basename(path)}.millrace-${crypto.randomUUID()}`)
  try {
    move(path, aside)
  } catch (error) {
    if (entryAt(path) === null) return null
    throw error
  }
  if (keptAt === null || !copied(aside, keptAt)) return aside
  removeTree(aside)
  return keptAt
}

function freeName(folder: string, name: string): string {
  let free = join(folder, name)
  for (let copy = 2; entryAt(free) !== null; copy += 1) free = join(folder, `${name}.${copy}`)
  return free
}

/** To move a directory, a user needs to write to it as well: its `..` changes. */
function move(from: string, to: string): void {
  asOwner([dirname(from), from], () => renameSync(from, to))
}

/** Returns whether the whole entry was copied. What was copied of less is removed. */
function copied(from: string, to: string): boolean {
  try {
    copy(from, to, { bytes: copiedBytesMax, entries: copiedEntriesMax })
    return true
  } catch {
    removeTree(to)
    return false
  }
}

function copy(from: string, to: string, left: { bytes: number; entries: number }): void {
  left.entries -= 1
  if (left.entries < 0) throw new Error('too many entries')
  if (entryAt(from)?.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to)
    return
  }
  const descriptor = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(descriptor)
    if (stat.isDirectory()) {
      mkdirSync(to, { mode: 0o700 })
      const open = `/proc/self/fd/${descriptor}`
      for (const name of readdirSync(open)) copy(join(open, name), join(to, name), left)
      return
    }
    if (!stat.isFile()) throw new Error('neither a file nor a directory')
    const content = readAtMost(descriptor, Math.min(stat.size, left.bytes + 1))
    left.bytes -= content.length
    // By the size that the file claims: a copy of a hole is as large as the hole.
    if (left.bytes < 0) throw new Error('too many bytes')
    writeFileSync(to, content, { mode: stat.mode & 0o777, flag: 'wx' })
  } finally {
    closeSync(descriptor)
  }
}
