/**
 * Homes that last: a run that names one keeps its files on the disk, and a later run may begin with a copy of them.
 *
 * Owns: the directories of all kept homes, one for each name, until `forget()`. Invariants: a run only ever writes to a home
 * of its own, so that what a later run copied stays as it was; a home that grew beyond its bound is not kept; nothing
 * here follows a link that a run made: copies are made as the run's user.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MillraceError } from '@millrace/protocol'
import type { Identity } from '#identity'
import { giveDirectory } from '#ownership'
import { isDirectory } from '#paths'
import { bytesBelow } from './caches.ts'
import { type HomeFile, writeHomeFiles } from './home-files.ts'
import { removeTree } from './own-homes.ts'

export interface KeptHome {
  /** Letters, digits and dashes. */
  name: string
  /** The kept home that it begins as a copy of. Absent: it begins empty, with the `homeFiles` of the command. */
  copyOf?: string
}

/** What is left of runs: for whoever decides how long they last. */
export interface KeptHomes {
  has(name: string): boolean
  list(): string[]
  /** Never fails. */
  forget(name: string): void
}

export interface HeldHome {
  path: string
  /** Call it when no process of the run is left. */
  release(): void
}

/** Of one home. Far more than a conversation; an agent that caches more than this in its home is not resumed. */
const keptBytesMax = 1024 ** 3
const copyMsMax = 120_000
const namePattern = /^[A-Za-z0-9-]{1,64}$/
const trashPrefix = '.trash-'

/** Below the data directory for runs of the server's own user; elsewhere for other users, who may not enter that. */
export class ServerHomes implements KeptHomes {
  readonly #own: string
  readonly #others: string
  readonly #inUse = new Set<string>()
  readonly #bytesMax: number

  constructor(dataDir: string, others = othersDirectory(dataDir), bytesMax = keptBytesMax) {
    this.#own = join(dataDir, 'homes')
    this.#others = others
    this.#bytesMax = bytesMax
    for (const directory of [this.#own, this.#others]) {
      for (const name of namesIn(directory).filter((name) => name.startsWith(trashPrefix)))
        removeTree(join(directory, name))
    }
  }

  /** Fails with `not_resumable` where there is no home to copy, and with `sandbox_unavailable` where the name is taken. */
  async hold({ name, copyOf }: KeptHome, user: Identity, files: readonly HomeFile[]): Promise<HeldHome> {
    const directory = user.uid === process.getuid?.() ? this.#own : this.#others
    const [path, source] = [join(directory, name), copyOf === undefined ? null : join(directory, copyOf)]
    if (!namePattern.test(name) || (copyOf !== undefined && !namePattern.test(copyOf)))
      throw new MillraceError('invalid_request', 'a kept home has a name of letters, digits and dashes')
    if (source !== null && !isDirectory(source))
      throw new MillraceError('not_resumable', 'The home of the earlier run is no longer there')
    mkdirSync(directory, { recursive: true, mode: 0o711 })
    try {
      mkdirSync(path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new MillraceError('sandbox_unavailable', 'A run of this name has a home already')
    }
    this.#inUse.add(name)
    const release = () => this.#release(name, path)
    try {
      const owner = user.become.length > 0 ? user : null
      if (source === null) writeHomeFiles(path, files, owner)
      // Last: until then, nobody else can enter the home and plant a link in it.
      if (owner !== null) giveDirectory(path, owner)
      if (source !== null) await copyAs(user, source, path)
    } catch (error) {
      this.#inUse.delete(name)
      removeTree(path)
      throw error
    }
    return { path, release }
  }

  has(name: string): boolean {
    return this.#directories.some((directory) => isDirectory(join(directory, name)))
  }

  list(): string[] {
    return this.#directories.flatMap(namesIn).filter((name) => namePattern.test(name))
  }

  forget(name: string): void {
    if (!namePattern.test(name) || this.#inUse.has(name)) return
    for (const directory of this.#directories) {
      const path = join(directory, name)
      if (isDirectory(path)) discard(directory, path)
    }
  }

  get #directories(): string[] {
    return [this.#own, this.#others]
  }

  #release(name: string, path: string): void {
    void bytesBelow(path, () => false).then((bytes) => {
      this.#inUse.delete(name)
      if (bytes !== null && bytes > this.#bytesMax) removeTree(path)
    })
  }
}

/** Renamed first, so that nobody finds half of it. */
function discard(directory: string, path: string): void {
  const trash = join(directory, `${trashPrefix}${crypto.randomUUID()}`)
  try {
    renameSync(path, trash)
  } catch {
    return
  }
  removeTree(trash)
}

async function copyAs({ become }: Identity, from: string, to: string): Promise<void> {
  const [program = 'cp', ...args] = [...become, 'cp', '-a', '--reflink=auto', '--', `${from}/.`, to]
  try {
    await promisify(execFile)(program, args, {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      timeout: copyMsMax,
    })
  } catch (error) {
    throw new MillraceError('sandbox_unavailable', 'The home of the earlier run could not be copied', {
      cause: error,
    })
  }
}

function othersDirectory(dataDir: string): string {
  const server = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  return join('/var/lib', `millrace-${server}`, 'homes')
}

function namesIn(directory: string): string[] {
  return isDirectory(directory) ? readdirSync(directory) : []
}
