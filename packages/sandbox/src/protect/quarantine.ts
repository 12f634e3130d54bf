/**
 * Removes what a run creates under a protected name that did not exist when the run began.
 *
 * An existing path can be mounted read-only. A missing one leaves nothing to mount on, and the project's own tools
 * would treat a stand-in as content. So the few names are watched. Whatever appears under one of them is moved
 * into the data directory before another program loads it, unless it is harmless. A run that keeps creating
 * such files is ended.
 *
 * Owns: the watchers of all runs, and the journal of the watched names, so that the next server checks them again
 * after a crash. Invariant: once `finish()` has returned and no process of the run is left, everything under a
 * name that the run could have created is harmless.
 */
import {
  cpSync,
  existsSync,
  type FSWatcher,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  watch,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { KeptHomes } from '#homes/kept-homes'
import { removeTree } from '#homes/own-homes'
import { entryAt, isDirectory } from '#paths'
import { isInertRepository } from './inert-repository.ts'
import { Journal } from './journal.ts'
import { isPlainOperation } from './unfinished-operation.ts'

/** A protected name under which nothing exists, or nothing that another program would execute. */
export interface WatchedName {
  path: string
  /**
   * `repository`: a `.git`, harmless if git would execute nothing in it. `bare`: one of the entries that would
   * make its directory a repository; harmless while another one is missing. `operation`: an unfinished rebase or the
   * like, harmless if git would execute nothing to continue it. `settings`: never harmless.
   */
  kind: 'repository' | 'bare' | 'operation' | 'settings'
}

export interface TakenAway {
  path: string
  /** Its new path: in the server's data directory, or, of much on another file system, beside the old one. */
  keptAt: string
}

export interface QuarantineRun {
  /** Checks one last time, once no process of the run is left. */
  finish(): void
}

/** A run that creates protected names more often than this does not do so by accident. */
const takenMax = 8
/** What is copied at most: the server waits for it. Settings and repositories without history are far smaller. */
const copiedBytesMax = 16 * 1024 * 1024
const copiedEntriesMax = 2000
/** Used where the system provides no watcher. */
const pollMs = 200

export class Quarantine implements Pick<KeptHomes, 'list' | 'forget'> {
  readonly #directory: string
  readonly #journal: Journal<[runId: string, names: readonly WatchedName[]]>
  readonly #runs = new Map<string, readonly WatchedName[]>()

  constructor(dataDir: string) {
    this.#directory = join(dataDir, 'quarantine')
    this.#journal = new Journal(join(dataDir, 'watched.json'), isWatch)
  }

  /** Ids of the runs of which something is kept. */
  list(): string[] {
    return isDirectory(this.#directory) ? readdirSync(this.#directory) : []
  }

  forget(runId: string): void {
    if (/^[A-Za-z0-9-]+$/.test(runId)) removeTree(join(this.#directory, runId))
  }

  /** Removes what runs of an earlier server created, if that server did not get to it. */
  recover(): TakenAway[] {
    const taken = this.#journal.read().flatMap(([runId, names]) => this.#takeAll(runId, names))
    this.#writeJournal()
    return taken
  }

  /** Watches names for a run until `finish()`. Calls `insisted` once if the run creates them too often. */
  watch(
    runId: string,
    names: readonly WatchedName[],
    on: { taken(taken: TakenAway): void; insisted(): void },
  ): QuarantineRun {
    if (names.length === 0) return { finish: () => {} }
    // A run may start several processes at once.
    let key = runId
    for (let count = 2; this.#runs.has(key); count += 1) key = `${runId}-${count}`
    this.#runs.set(key, names)
    this.#writeJournal()
    let count = 0
    const look = () => {
      for (const taken of this.#takeAll(runId, names)) {
        count += 1
        on.taken(taken)
        if (count === takenMax) on.insisted()
      }
    }
    const watcher = new NameWatcher(names, look)
    return {
      finish: () => {
        watcher.close()
        look()
        this.#runs.delete(key)
        this.#writeJournal()
      },
    }
  }

  /** Is this name, with nothing there, watched for a run? What is there now may be gone in a moment. */
  isWatched(path: string): boolean {
    for (const names of this.#runs.values()) if (names.some((name) => name.path === path)) return true
    return false
  }

  #takeAll(runId: string, names: readonly WatchedName[]): TakenAway[] {
    const taken: TakenAway[] = []
    for (const name of names) {
      if (entryAt(name.path) === null || isHarmless(name)) continue
      const keptAt = this.#take(runId, name.path)
      if (keptAt !== null) taken.push({ path: name.path, keptAt })
    }
    return taken
  }

  #take(runId: string, path: string): string | null {
    const folder = join(this.#directory, runId)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    let keptAt = join(folder, basename(path))
    for (let copy = 2; existsSync(keptAt); copy += 1) keptAt = join(folder, `${basename(path)}.${copy}`)
    try {
      renameSync(path, keptAt)
      return keptAt
    } catch (error) {
      const { code } = error as { code?: string }
      // It is already gone, which is just as good.
      if (code === 'ENOENT') return null
      if (code !== 'EXDEV') throw error
    }
    // On another file system: rename it out of the way at once, then copy it, unless that would take long or fill the disk.
    const aside = join(dirname(path), `.${basename(path)}.millrace-${crypto.randomUUID()}`)
    renameSync(path, aside)
    if (!isSmall(aside)) return aside
    cpSync(aside, keptAt, { recursive: true, verbatimSymlinks: true })
    rmSync(aside, { recursive: true, force: true })
    return keptAt
  }

  #writeJournal(): void {
    this.#journal.write([...this.#runs])
  }
}

/** By the sizes that files claim: a copy of a hole is as large as the hole. */
function isSmall(path: string): boolean {
  let bytes = 0
  const waiting = [path]
  for (let seen = 0; seen < copiedEntriesMax; seen += 1) {
    const next = waiting.pop()
    if (next === undefined) return true
    const stat = lstatSync(next)
    bytes += stat.size
    if (bytes > copiedBytesMax) return false
    if (stat.isDirectory()) waiting.push(...readdirSync(next).map((name) => join(next, name)))
  }
  return false
}

function isHarmless({ path, kind }: WatchedName): boolean {
  switch (kind) {
    case 'repository':
      return isInertRepository(path)
    case 'bare': {
      const root = dirname(path)
      const complete = isDirectory(join(root, 'refs')) && isDirectory(join(root, 'objects'))
      return !complete || entryAt(join(root, 'HEAD')) === null
    }
    case 'operation':
      return isPlainOperation(path)
    case 'settings':
      return false
    default:
      return kind satisfies never
  }
}

/**
 * Calls `look` soon after a change where the names would appear. Also watches a repository that may stay, because
 * a run could add a hook to it later.
 */
class NameWatcher {
  readonly #look: () => void
  readonly #repositories: readonly string[]
  readonly #operations: readonly string[]
  readonly #watchers = new Map<string, FSWatcher>()
  #poll: NodeJS.Timeout | null = null

  constructor(names: readonly WatchedName[], look: () => void) {
    this.#look = look
    this.#repositories = names.filter(({ kind }) => kind === 'repository').map(({ path }) => path)
    this.#operations = names.filter(({ kind }) => kind === 'operation').map(({ path }) => path)
    const wanted = new Map<string, Set<string>>()
    for (const { path, kind } of names) {
      const seen = wanted.get(dirname(path)) ?? new Set()
      for (const name of kind === 'bare' ? ['HEAD', 'refs', 'objects'] : [basename(path)]) seen.add(name)
      wanted.set(dirname(path), seen)
    }
    for (const [directory, seen] of wanted) this.#open(directory, (name) => name === null || seen.has(name))
    this.#follow()
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
    if (this.#poll !== null) clearInterval(this.#poll)
  }

  #open(directory: string, concerns: (name: string | null) => boolean): void {
    if (this.#watchers.has(directory)) return
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (concerns(name)) this.#changed()
      })
      watcher.on('error', () => {
        this.#watchers.delete(directory)
        watcher.close()
      })
      this.#watchers.set(directory, watcher)
    } catch {
      // No watcher is available because the user's limit is reached, or the repository was removed (ENOENT).
      this.#poll ??= setInterval(this.#look, pollMs).unref()
    }
  }

  #changed(): void {
    this.#look()
    this.#follow()
  }

  /** What may stay is looked at again when something in it changes. */
  #follow(): void {
    for (const directory of this.#operations) {
      if (isDirectory(directory)) this.#open(directory, () => true)
      else this.#forget(directory)
    }
    for (const git of this.#repositories) {
      for (const directory of [git, join(git, 'hooks')]) {
        if (!isDirectory(directory)) this.#forget(directory)
        else
          this.#open(
            directory,
            (name) => name === null || !/^(objects|index|HEAD|ORIG_HEAD|logs|refs)/.test(name),
          )
      }
    }
  }

  #forget(directory: string): void {
    this.#watchers.get(directory)?.close()
    this.#watchers.delete(directory)
  }
}

function isWatch(entry: unknown): entry is [runId: string, names: readonly WatchedName[]] {
  if (!Array.isArray(entry) || entry.length !== 2) return false
  const [runId, names] = entry as [unknown, unknown]
  return typeof runId === 'string' && Array.isArray(names) && names.every(isWatchedName)
}

function isWatchedName(name: unknown): boolean {
  const { path, kind } = (name ?? {}) as Partial<Record<keyof WatchedName, unknown>>
  return typeof path === 'string' && ['repository', 'bare', 'operation', 'settings'].includes(String(kind))
}
