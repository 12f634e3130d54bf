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
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KeptHomes } from '#homes/kept-homes'
import { removeTree } from '#homes/own-homes'
import { entryAt, isDirectory } from '#paths'
import { isInertRepository } from './inert-repository.ts'
import { Journal } from './journal.ts'
import { NameWatcher, type WatchedName } from './name-watcher.ts'
import { reach } from './reach.ts'
import { takeAway } from './take-away.ts'
import { isPlainOperation } from './unfinished-operation.ts'

export interface TakenAway {
  path: string
  /**
   * Its new path: in the server's data directory, or, of much on another file system, beside the old one. The old
   * path, if it could not be moved.
   */
  keptAt: string
}

type Watch = [runId: string, names: readonly WatchedName[]]

export interface QuarantineRun {
  /** Checks one last time, once no process of the run is left. */
  finish(): void
}

/** A run that creates protected names more often than this does not do so by accident. */
const takenMax = 8

export class Quarantine implements Pick<KeptHomes, 'list' | 'forget'> {
  readonly #directory: string
  readonly #journal: Journal<Watch>
  /** One for each process of a run, and those of ended runs of which something could not be moved. */
  readonly #watches = new Set<Watch>()

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
    const all: TakenAway[] = []
    for (const [runId, names] of this.#journal.read()) {
      const { taken, stuck } = this.#takeAll(runId, names)
      all.push(...taken, ...stuck.map(inPlace))
      if (stuck.length > 0) this.#watches.add([runId, stuck])
    }
    this.#writeJournal()
    return all
  }

  /** Watches names for a run until `finish()`. Calls `insisted` if the run creates them too often or for good. */
  watch(
    runId: string,
    names: readonly WatchedName[],
    on: { taken(taken: TakenAway): void; insisted(): void },
  ): QuarantineRun {
    if (names.length === 0) return { finish: () => {} }
    const watched: Watch = [runId, names]
    this.#watches.add(watched)
    this.#writeJournal()
    let count = 0
    let stuck: WatchedName[] = []
    const look = () => {
      const found = this.#takeAll(runId, names)
      const newlyStuck = found.stuck.filter((name) => !stuck.includes(name))
      stuck = found.stuck
      count += found.taken.length
      for (const taken of [...found.taken, ...newlyStuck.map(inPlace)]) on.taken(taken)
      if (count >= takenMax || stuck.length > 0) on.insisted()
    }
    const watcher = new NameWatcher(names, look)
    return {
      finish: () => {
        watcher.close()
        look()
        this.#watches.delete(watched)
        // The next server tries again.
        if (stuck.length > 0) this.#watches.add([runId, stuck])
        try {
          this.#writeJournal()
        } catch {
          // The disk is full. The journal names more than it need, which does no harm.
        }
      },
    }
  }

  /** Is this name, with nothing there, watched for a run? What is there now may be gone in a moment. */
  isWatched(path: string): boolean {
    for (const [, names] of this.#watches) if (names.some((name) => name.path === path)) return true
    return false
  }

  /** Never throws: it is called where nobody could catch it. */
  #takeAll(runId: string, names: readonly WatchedName[]): { taken: TakenAway[]; stuck: WatchedName[] } {
    const [taken, stuck]: [TakenAway[], WatchedName[]] = [[], []]
    for (const name of names) {
      try {
        if (reach(name.path) === null || isHarmless(name)) continue
        const keptAt = takeAway(name.path, join(this.#directory, runId))
        if (keptAt !== null) taken.push({ path: name.path, keptAt })
      } catch {
        stuck.push(name)
      }
    }
    return { taken, stuck }
  }

  #writeJournal(): void {
    this.#journal.write([...this.#watches])
  }
}

function inPlace({ path }: WatchedName): TakenAway {
  return { path, keptAt: path }
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

function isWatch(entry: unknown): entry is Watch {
  if (!Array.isArray(entry) || entry.length !== 2) return false
  const [runId, names] = entry as [unknown, unknown]
  return typeof runId === 'string' && Array.isArray(names) && names.every(isWatchedName)
}

function isWatchedName(name: unknown): boolean {
  const { path, kind } = (name ?? {}) as Partial<Record<keyof WatchedName, unknown>>
  return typeof path === 'string' && ['repository', 'bare', 'operation', 'settings'].includes(String(kind))
}
