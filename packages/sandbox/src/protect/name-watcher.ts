/**
 * Notices changes where watched names would appear.
 *
 * Owns: the file watchers of one process of a run, until `close()`.
 */
import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isDirectory } from '#paths'

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

/** Used where the system provides no watcher. */
const pollMs = 200

/**
 * Calls `look` soon after a change where the names would appear. Also watches a repository that may stay, because
 * a run could add a hook to it later.
 */
export class NameWatcher {
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
        this.#pollInstead()
      })
      this.#watchers.set(directory, watcher)
    } catch {
      // No watcher is available because the user's limit is reached, or the repository was removed (ENOENT).
      this.#pollInstead()
    }
  }

  #pollInstead(): void {
    this.#poll ??= setInterval(this.#look, pollMs).unref()
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
