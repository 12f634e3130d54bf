/**
 * Does work per key at most once in an interval: the first call at once, later ones together at the end
 * of the interval. The last call is never dropped.
 *
 * Owns one timer per key, only while the key is busy. Invariants: work on a key never runs twice at the
 * same time; work that failed is retried after a longer wait.
 */
import type { Clock } from './clock.ts'

export interface ThrottleOptions {
  clock: Clock
  intervalMs: number
  /** Wait after a failure, before the next try. */
  retryMs: number
  /** Must not touch its own key. */
  work: (key: string) => Promise<void>
  onFailure: (error: unknown) => void
}

interface Entry {
  /** Work was requested that has not begun. */
  requested: boolean
  working: Promise<void> | null
  /** Calls off the end of the interval. */
  stopWaiting: (() => void) | null
}

export class Throttle {
  readonly #options: ThrottleOptions
  readonly #entries = new Map<string, Entry>()
  #closed = false

  constructor(options: ThrottleOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  request(key: string): void {
    if (this.#closed) return
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.requested = true
      return
    }
    const fresh: Entry = { requested: true, working: null, stopWaiting: null }
    this.#entries.set(key, fresh)
    this.#begin(key, fresh)
  }

  /** Forgets the key; work under way is completed. */
  forget(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.stopWaiting?.()
    this.#entries.delete(key)
  }

  /** Does the requested work now; resolves when nothing is under way. Once per key: failed work is left. */
  async flush(): Promise<void> {
    for (const [key, entry] of [...this.#entries]) {
      await entry.working
      if (!entry.requested || this.#entries.get(key) !== entry) continue
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
    entry.requested = false
    this.#wait(key, entry, intervalMs)
    entry.working = work(key)
      .catch((error: unknown) => {
        onFailure(error)
        entry.requested = true
        // A key that was forgotten meanwhile must not get a timer.
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

  /** Starts the next work once both the work and the interval are over. */
  #next(key: string, entry: Entry): void {
    if (entry.working !== null || entry.stopWaiting !== null || this.#entries.get(key) !== entry) return
    if (entry.requested) this.#begin(key, entry)
    else this.#entries.delete(key)
  }
}
