/**
 * Where a file is written. Directories are held open and their entries reached through the descriptor, so that what
 * was checked is what is written, whatever another process moves or links meanwhile.
 */
import { randomUUID } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fdatasyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { Refusal } from './answer.ts'
import { refuseSpecial } from './files.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants
/** Without them (not on Linux), there is no boundary either. */
const descriptors = existsSync('/proc/self/fd') ? '/proc/self/fd' : null

/** What other programs take for code, settings or history. The policy refuses these, and links must not lead there. */
const guardedName = /^(\.git|\.claude|\.mcp\.json|millrace\.config\.[cm]?(js|ts|json))$/i

interface Directory {
  fd: number
  path: string
}

/** A file that is to be written, or not there yet. */
export class Place {
  /** With all links resolved. */
  readonly path: string
  readonly #directory: Directory
  readonly #name: string

  /** `create`: makes the directories that are missing. */
  static open(path: string, projectPath: string, create: boolean): Place {
    const target = resolveLinks(path)
    const name = basename(target)
    if (target === '/' || name === '..' || relative(projectPath, target) === '')
      throw new Refusal(`${path} is a directory.`)
    refuseGuarded(target, projectPath, path)
    const directory = openParent(dirname(target), projectPath, create, path)
    return new Place(directory, name)
  }

  private constructor(directory: Directory, name: string) {
    this.#directory = directory
    this.#name = name
    this.path = join(directory.path, name)
  }

  /** How the file is now; null if there is none. Refuses what is no file, and a file that may not be written. */
  stat(): Stats | null {
    const stat = lstatSync(this.reached, { throwIfNoEntry: false }) ?? null
    if (stat === null) return null
    if (stat.isSymbolicLink()) throw new Refusal(`${this.path} was replaced by a link meanwhile.`)
    refuseSpecial(this.path, stat)
    // A rename would replace it although its mode forbids writing.
    accessSync(this.reached, constants.W_OK)
    return stat
  }

  /** The path through which the file is reached. */
  get reached(): string {
    return entryOf(this.#directory, this.#name)
  }

  /** As `write`, but refuses if another program has changed the file since `before`. */
  replace(content: Buffer, before: Stats): void {
    this.#put(content, before, () => {
      const now = lstatSync(this.reached, { throwIfNoEntry: false })
      if (now === undefined || facts.some((fact) => now[fact] !== before[fact]))
        throw new Refusal(
          `${this.path} was changed by another program meanwhile, so this edit changed nothing. Read it again.`,
        )
    })
  }

  /** Replaces the file, or creates it, in one step: a reader sees all of the old content or all of the new. */
  write(content: Buffer, before: Stats | null): void {
    this.#put(content, before, () => {})
  }

  /** `check` runs right before the step. */
  #put(content: Buffer, before: Stats | null, check: () => void): void {
    const temporary = entryOf(this.#directory, `.millrace-${randomUUID()}`)
    const fd = openSync(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o666)
    try {
      try {
        if (before !== null) keepAttributes(fd, before)
        for (let rest = content; rest.length > 0; ) rest = rest.subarray(writeSync(fd, rest))
        fdatasyncSync(fd)
      } finally {
        closeSync(fd)
      }
      check()
      renameSync(temporary, this.reached)
    } catch (error) {
      unlinkSync(temporary)
      throw error
    }
  }

  close(): void {
    closeSync(this.#directory.fd)
  }
}

/** What differs after a change of a file. */
const facts = ['ino', 'size', 'mtimeMs', 'ctimeMs'] as const

function keepAttributes(fd: number, { mode, gid }: Stats): void {
  try {
    fchownSync(fd, process.getuid?.() ?? -1, gid)
  } catch {
    // Its group is one that this user is not in.
  }
  fchmodSync(fd, mode & 0o777)
}

/** Follows links as far as the path exists. */
function resolveLinks(path: string): string {
  const missing: string[] = []
  for (let at = path; ; at = dirname(at)) {
    try {
      return join(realpathSync(at), ...missing)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === '/') throw error
      if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink())
        throw new Refusal(`${at} is a link to ${readlinkSync(at)}, which does not exist.`)
      missing.unshift(basename(at))
    }
  }
}

function openParent(path: string, projectPath: string, create: boolean, asked: string): Directory {
  const missing: string[] = []
  let existing = path
  while (lstatSync(existing, { throwIfNoEntry: false }) === undefined) {
    missing.unshift(basename(existing))
    existing = dirname(existing)
  }
  if (missing.length > 0 && !create) throw new Refusal(`There is no ${asked}.`)
  let directory = openDirectory(existing)
  try {
    refuseGuarded(directory.path, projectPath, asked)
    for (const name of missing) {
      const below = entryOf(directory, name)
      makeDirectory(below)
      const next = openDirectory(below)
      closeSync(directory.fd)
      directory = next
    }
    refuseGuarded(directory.path, projectPath, asked)
    return directory
  } catch (error) {
    closeSync(directory.fd)
    throw error
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    // Another call was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Not through a link: all have been followed. */
function openDirectory(path: string): Directory {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  return { fd, path: descriptors === null ? realpathSync(path) : readlinkSync(`${descriptors}/${fd}`) }
}

function entryOf({ fd, path }: Directory, name: string): string {
  return descriptors === null ? join(path, name) : `${descriptors}/${fd}/${name}`
}

function refuseGuarded(path: string, projectPath: string, asked: string): void {
  const inside = relative(projectPath, path)
  const leads = path === asked ? asked : `${asked} leads to ${path}, which`
  if (inside === '..' || inside.startsWith('../'))
    throw new Refusal(`${leads} is outside the project. Only files of the project can be written.`)
  const guarded = inside.split('/').find((part) => guardedName.test(part))
  if (guarded !== undefined) throw new Refusal(`${leads} is protected: ${guarded} may not be changed.`)
}
