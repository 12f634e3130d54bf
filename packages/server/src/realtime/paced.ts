/**
 * Work by key, at most once in so many milliseconds a key: the first call at once, those that come
 * meanwhile together at the end of the interval. Whatever comes last is done.
 *
 * Owns one timer a key, only while the key is busy. Invariants: work on a key is never done twice at
 * the same time; work that failed is done again after a longer while.
 */
import type { Clock } from '#time/clock'

export interface PacedOptions {
  clock: Clock
  intervalMs: number
  /** How long after a failure it is tried again. */
  retryMs: number
  /** Must not touch its own key. */
  work: (key: string) => Promise<void>
  onFailure: (error: unknown) => void
}

interface Entry {
  /** Work was asked for that has not begun. */
  wanted: boolean
  working: Promise<void> | null
  /** Calls off the end of the interval. */
  stopWaiting: (() => void) | null
}

export class Paced {
  readonly #options: PacedOptions
  readonly #entries = new Map<string, Entry>()
  #closed = false

  constructor(options: PacedOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  want(key: string): void {
    if (this.#closed) return
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.wanted = true
      return
    }
    const fresh: Entry = { wanted: true, working: null, stopWaiting: null }
    this.#entries.set(key, fresh)
    this.#begin(key, fresh)
  }

  /** Forgets the key; work that is under way comes to its end. */
  forget(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.stopWaiting?.()
    this.#entries.delete(key)
  }

  /** Does now what is wanted; resolves when nothing is under way. Once each: what fails is left. */
  async flush(): Promise<void> {
    for (const [key, entry] of [...this.#entries]) {
      await entry.working
      if (!entry.wanted || this.#entries.get(key) !== entry) continue
      entry.stopWaiting?.()
      this.#begin(key, entry)
      await entry.working
    }
  }

  close(): void {
    this.#closed = true
    for (const key of [...this.#entries.keys()]) this.forget(key)
  }

  #begin(key: string, entry: Entry): void {
    const { intervalMs, retryMs, work, onFailure } = this.#options
    entry.wanted = false
    this.#wait(key, entry, intervalMs)
    entry.working = work(key)
      .catch((error: unknown) => {
        onFailure(error)
        entry.wanted = true
        // A key that was forgotten meanwhile is not to have a timer.
        if (this.#entries.get(key) === entry) this.#wait(key, entry, retryMs)
      })
      .then(() => {
        entry.working = null
        this.#next(key, entry)
      })
  }

  #wait(key: string, entry: Entry, ms: number): void {
    entry.stopWaiting?.()
    entry.stopWaiting = this.#options.clock.after(ms, () => {
      entry.stopWaiting = null
      this.#next(key, entry)
    })
  }

  /** Both the work and the interval have to be over. */
  #next(key: string, entry: Entry): void {
    if (entry.working !== null || entry.stopWaiting !== null || this.#entries.get(key) !== entry) return
    if (entry.wanted) this.#begin(key, entry)
    else this.#entries.delete(key)
  }
}
