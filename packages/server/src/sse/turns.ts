/**
 * Whose turn it is to write.
 *
 * Owns the queue of followers that have something to do. Each gets one turn (one batch at most) and
 * then queues again behind the others, and the event loop runs between slices of the queue: a
 * thousand followers are served evenly, and neither they nor a fast reader of a big log keep commits,
 * other requests or timers waiting. Hints that come while a follower waits for its turn cost nothing.
 */
export interface TurnTaker {
  /** Must not throw. */
  turn(): void
}

const turnsPerSlice = 128

export class Turns {
  #queue: TurnTaker[] = []
  #next = 0
  #scheduled = false
  readonly #onIdle = new Set<() => void>()

  add(taker: TurnTaker): void {
    this.#queue.push(taker)
    this.#schedule()
  }

  /** Calls back once, when the queue is empty: the end of a pass over the followers. */
  whenIdle(callback: () => void): void {
    this.#onIdle.add(callback)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#slice())
  }

  #slice(): void {
    this.#scheduled = false
    const end = Math.min(this.#queue.length, this.#next + turnsPerSlice)
    while (this.#next < end) this.#queue[this.#next++]?.turn()
    if (this.#next < this.#queue.length) {
      if (this.#next > 4096) {
        this.#queue = this.#queue.slice(this.#next)
        this.#next = 0
      }
      this.#schedule()
      return
    }
    this.#queue = []
    this.#next = 0
    for (const callback of this.#onIdle) callback()
    this.#onIdle.clear()
  }
}
