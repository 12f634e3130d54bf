/**
 * The caches of tools that last from run to run, one for each project, owner and user.
 *
 * Only directories of downloads and build results are kept, never one that holds settings: a later run of the same owner in
 * the same project finds them, and nobody else's does.
 *
 * Owns: the directory of all caches. Invariants: a cache that a run uses is not removed; what is removed is renamed first,
 * so that no run finds half of it; all caches together keep to the quota, measured before a run begins and after it
 * has ended.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, statSync, utimesSync } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { giveDirectory } from '#ownership'
import { isDirectory } from '#paths'
import { removeTree } from './own-homes.ts'

/** Where tools look below the home, and the name in the cache. */
const kept: readonly (readonly [path: string, name: string])[] = [
  // pip, uv, Go's builds, Yarn, Bazel, Playwright, Deno, Composer, ccache, …
  ['.cache', 'cache'],
  ['.npm/_cacache', 'npm'],
  ['.local/share/pnpm/store', 'pnpm'],
  // Versions that a project asks for: pnpm of itself, uv of Python.
  ['.local/share/pnpm/.tools', 'pnpm-versions'],
  ['.local/share/uv/python', 'uv-pythons'],
  ['.yarn/berry', 'yarn'],
  ['.bun/install/cache', 'bun'],
  ['go/pkg/mod', 'go-modules'],
  ['.cargo/registry', 'cargo-registry'],
  ['.cargo/git', 'cargo-git'],
  ['.m2/repository', 'maven'],
  ['.gradle/caches', 'gradle'],
  ['.gradle/wrapper/dists', 'gradle-wrapper'],
  ['.nuget/packages', 'nuget'],
]

export interface CacheOptions {
  /** Absolute. Its parents are passable for the users of runs. */
  directory: string
  /** All caches together. */
  bytesMax: number
}

/**
 * The caches of a server: below the data directory for runs of its own user, and in /var/cache for the other users that
 * runs of root's server have, who may not enter the data directory. The quota holds in both places.
 */
export class ServerCaches {
  readonly #own: Caches
  #others: Caches | null = null
  readonly #openOthers: () => Caches

  constructor(dataDir: string, bytesMax: number, others = othersDirectory(dataDir)) {
    this.#own = new Caches({ directory: join(dataDir, 'cache'), bytesMax })
    this.#openOthers = () => new Caches({ directory: others, bytesMax })
  }

  use(run: { projectPath: string; owner: string }, user: { uid: number; gid: number }): CacheUse {
    if (user.uid === process.getuid?.()) return this.#own.use(run, user)
    this.#others ??= this.#openOthers()
    return this.#others.use(run, user)
  }

  async close(): Promise<void> {
    await Promise.all([this.#own.close(), this.#others?.close()])
  }
}

function othersDirectory(dataDir: string): string {
  const server = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  return join('/var/cache', `millrace-${server}`)
}

export interface CacheUse {
  /** Directory of the host → path below the home of the run. */
  mounts: { from: string; to: string }[]
  /** Call it when no process of the run is left. */
  release(): void
}

const oneAtATime = 1

export class Caches {
  readonly #options: CacheOptions
  readonly #users = new Map<string, number>()
  /** Measured sizes, in bytes. */
  readonly #sizes = new Map<string, number>()
  #work: Promise<void> = Promise.resolve()
  #waiting = 0
  #isClosed = false

  constructor(options: CacheOptions) {
    this.#options = options
    for (const name of this.#names()) if (isTrash(name)) removeTree(join(options.directory, name))
    this.#measureSoon(this.#names())
  }

  use(run: { projectPath: string; owner: string }, user: { uid: number; gid: number }): CacheUse {
    const name = nameOf(run, user.uid)
    const directory = join(this.#options.directory, name)
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1)
    const release = once(() => {
      const left = (this.#users.get(name) ?? 1) - 1
      if (left > 0) this.#users.set(name, left)
      else this.#users.delete(name)
      this.#measureSoon([name])
    })
    try {
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o711 })
      make(directory, user)
      const now = new Date()
      utimesSync(directory, now, now)
      for (const [, part] of kept) make(join(directory, part), user)
    } catch (error) {
      release()
      throw error
    }
    return { mounts: kept.map(([to, part]) => ({ from: join(directory, part), to })), release }
  }

  /** Resolves when every cache that was waiting to be measured is, and the quota holds for those that no run uses. */
  settled(): Promise<void> {
    return this.#work
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#work
  }

  #names(): string[] {
    return isDirectory(this.#options.directory) ? readdirSync(this.#options.directory) : []
  }

  #measureSoon(names: readonly string[]): void {
    // Runs that end while one measurement waits share the next one.
    for (const name of names) this.#sizes.delete(name)
    if (this.#waiting >= oneAtATime) return
    this.#waiting += 1
    this.#work = this.#work
      .then(async () => {
        this.#waiting -= 1
        await this.#measure()
        this.#keepQuota()
      })
      .catch(() => {})
  }

  async #measure(): Promise<void> {
    for (const name of this.#names().filter((name) => !isTrash(name) && !this.#sizes.has(name))) {
      const bytes = await bytesBelow(join(this.#options.directory, name), () => this.#isClosed)
      if (bytes !== null) this.#sizes.set(name, bytes)
    }
  }

  #keepQuota(): void {
    if (this.#isClosed) return
    const caches = [...this.#sizes].flatMap(([name, bytes]) => {
      const usedAt = statSync(join(this.#options.directory, name), { throwIfNoEntry: false })?.mtimeMs
      return usedAt === undefined ? [] : [{ name, bytes, usedAt }]
    })
    let total = caches.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const { name, bytes } of caches.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#options.bytesMax) return
      if (this.#users.has(name)) continue
      this.#remove(name)
      total -= bytes
    }
  }

  #remove(name: string): void {
    const trash = join(this.#options.directory, `${trashPrefix}${crypto.randomUUID()}`)
    renameSync(join(this.#options.directory, name), trash)
    this.#sizes.delete(name)
    removeTree(trash)
  }
}

const trashPrefix = 'trash-'

function isTrash(name: string): boolean {
  return name.startsWith(trashPrefix)
}

function nameOf({ projectPath, owner }: { projectPath: string; owner: string }, uid: number): string {
  return createHash('sha256')
    .update(JSON.stringify([projectPath, owner, uid]))
    .digest('hex')
    .slice(0, 32)
}

function make(directory: string, user: { uid: number; gid: number }): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return
  }
  if (process.getuid?.() === 0) giveDirectory(directory, user)
}

/** Counts what the disk holds; a file with many names counts once for each. Null if it was stopped. */
export async function bytesBelow(directory: string, isStopped: () => boolean): Promise<number | null> {
  let bytes = 0
  const waiting = [directory]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (isStopped()) return null
    try {
      for await (const entry of await opendir(next)) {
        const path = join(next, entry.name)
        if (entry.isDirectory()) waiting.push(path)
        else bytes += (await lstat(path)).blocks * 512
      }
    } catch {
      // A run removed it, or made it unreadable for us.
    }
  }
  return bytes
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}
