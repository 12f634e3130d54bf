/**
 * Decides whose turn it is to write.
 *
 * Owns the queue of everything that has something to do. Each member gets one turn (at most one batch)
 * and then queues again behind the others, and the event loop runs between slices of the queue: a
 * thousand followers are served evenly, and neither they nor a fast reader of a large log keep commits,
 * other requests or timers waiting. Hints that arrive while a follower waits for its turn cost nothing.
 */
export interface TurnTaker {
  /** Must not throw. */
  turn(): void
}

const sliceTurns = 128
const deadTurnsMax = 4096

export class FairQueue {
  #queue: TurnTaker[] = []
  #next = 0
  #scheduled = false
  readonly #onIdle = new Set<() => void>()

  add(taker: TurnTaker): void {
    this.#queue.push(taker)
    this.#schedule()
  }

  /** Calls back once, as soon as the queue is empty: the end of a pass over the followers. */
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
    const end = Math.min(this.#queue.length, this.#next + sliceTurns)
    while (this.#next < end) this.#queue[this.#next++]?.turn()
    if (this.#next < this.#queue.length) {
      if (this.#next > deadTurnsMax) {
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
