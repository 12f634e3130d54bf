/** Time that passes only when a test advances it. It serves wherever code asks for a clock. */
export class ManualClock {
  #now: number
  readonly #timers = new Map<object, { due: number; callback: () => unknown }>()

  constructor(now = 0) {
    this.#now = now
  }

  readonly now = (): number => this.#now

  readonly after = (ms: number, callback: () => unknown): (() => void) => {
    const key = {}
    this.#timers.set(key, { due: this.#now + ms, callback })
    return () => void this.#timers.delete(key)
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Calls what falls due, in the order of time; resolves when the promises that the calls returned have. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    const called: unknown[] = []
    for (;;) {
      const [next] = [...this.#timers].filter(([, t]) => t.due <= end).sort(([, a], [, b]) => a.due - b.due)
      if (next === undefined) break
      const [key, timer] = next
      this.#timers.delete(key)
      this.#now = Math.max(this.#now, timer.due)
      called.push(timer.callback())
    }
    this.#now = end
    await Promise.all(called)
  }
}
