import type { Clock } from '#time/clock'

/** Time that passes only when a test advances it. */
export class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Map<object, { due: number; callback: () => void }>()

  now(): number {
    return this.#now
  }

  get pending(): number {
    return this.#timers.size
  }

  after(ms: number, callback: () => void): () => void {
    const key = {}
    this.#timers.set(key, { due: this.#now + ms, callback })
    return () => this.#timers.delete(key)
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#timers].filter(([, t]) => t.due <= end).sort(([, a], [, b]) => a.due - b.due)
      if (next === undefined) break
      const [key, timer] = next
      this.#timers.delete(key)
      this.#now = Math.max(this.#now, timer.due)
      timer.callback()
    }
    this.#now = end
  }
}
