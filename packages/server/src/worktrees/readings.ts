/**
 * Readings that start processes, shared by those who ask for the same at once.
 *
 * Owns which readings are at work and which wait. Invariants: of one key one reading is at work, and of all keys no more
 * than the limit; an answer is never older than the question, so only a reading that has not begun is shared.
 */
export class Readings {
  /** Not begun, by key. */
  readonly #waiting = new Map<string, Promise<unknown>>()
  /** At work, or the last to wait, by key. */
  readonly #last = new Map<string, Promise<unknown>>()
  readonly #queue: (() => void)[] = []
  #free: number

  constructor(atOnceMax: number) {
    this.#free = atOnceMax
  }

  /** A key has one type of answer. */
  share<T>(key: string, read: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) return waiting as Promise<T>
    const before = this.#last.get(key)
    const reading = this.#inTurn(key, before, read)
    this.#waiting.set(key, reading)
    this.#last.set(key, reading)
    const over = () => {
      if (this.#last.get(key) === reading) this.#last.delete(key)
    }
    reading.then(over, over)
    return reading
  }

  async #inTurn<T>(key: string, before: Promise<unknown> | undefined, read: () => Promise<T>): Promise<T> {
    await before?.catch(() => {})
    await this.#enter()
    this.#waiting.delete(key)
    try {
      return await read()
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
  }

  #leave(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
