/** A clock whose pauses are over at once and whose long silences come when the test says so. */
import type { Clock } from '#clock'

/** Pauses between attempts are shorter than this, silences longer. */
const longestPauseMs = 60_000

export class HurriedClock implements Clock {
  /** How long each pause would have been. */
  readonly pauses: number[] = []
  #now = 0
  readonly #silences = new Set<() => void>()

  now(): number {
    return this.#now
  }

  random(): number {
    return 0.5
  }

  after(ms: number, callback: () => void): () => void {
    if (ms >= longestPauseMs) {
      this.#silences.add(callback)
      return () => void this.#silences.delete(callback)
    }
    this.pauses.push(ms)
    const timer = setImmediate(() => {
      this.#now += ms
      callback()
    })
    return () => clearImmediate(timer)
  }

  /** As when a tab wakes up after an hour: every timer that was due fires. */
  sleepAnHour(): void {
    this.#now += 3_600_000
    for (const callback of this.#silences) callback()
  }

  /** Time goes by, and nothing is due. */
  pass(ms: number): void {
    this.#now += ms
  }
}
