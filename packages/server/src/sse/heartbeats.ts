/**
 * Drives all heartbeats from one timer.
 *
 * Owns the timer and one queue per interval. Within a queue every entry waits equally long, so the queue
 * is ordered by due time and only its front is ever examined. Beats that are due within a small slack
 * of each other go out together. No entries, no timer.
 */
import type { Clock } from '#time/clock'

export interface Heart {
  /** Must not throw. */
  beat(): void
}

const slackMsMax = 500

export class Heartbeats {
  readonly #clock: Clock
  /** Interval in ms → each heart and when it is due next, soonest first. */
  readonly #queues = new Map<number, Map<Heart, number>>()
  #cancel: (() => void) | null = null
  #due = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Beats for the first time after `intervalMs`. Returns what stops it; an interval of 0 never beats. */
  add(heart: Heart, intervalMs: number): () => void {
    if (!(intervalMs > 0)) return () => {}
    const queue = this.#queues.get(intervalMs) ?? new Map<Heart, number>()
    this.#queues.set(intervalMs, queue)
    const due = this.#clock.now() + intervalMs
    queue.set(heart, due)
    if (due < this.#due) this.#arm(due)
    return () => {
      queue.delete(heart)
      if (queue.size === 0 && this.#queues.get(intervalMs) === queue) this.#queues.delete(intervalMs)
      if (this.#queues.size === 0) this.#disarm()
    }
  }

  close(): void {
    this.#queues.clear()
    this.#disarm()
  }

  #arm(due: number): void {
    this.#disarm()
    this.#due = due
    this.#cancel = this.#clock.after(Math.max(0, due - this.#clock.now()), () => this.#fire())
  }

  #disarm(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#due = Number.POSITIVE_INFINITY
  }

  #fire(): void {
    this.#disarm()
    const now = this.#clock.now()
    for (const [intervalMs, queue] of this.#queues) {
      const limit = now + Math.min(slackMsMax, intervalMs / 20)
      const beating: Heart[] = []
      for (const [heart, due] of queue) {
        if (due > limit) break
        beating.push(heart)
      }
      for (const heart of beating) {
        // A beat may stop another: a heart that is no longer queued is not put back.
        if (!queue.delete(heart)) continue
        queue.set(heart, now + intervalMs)
        heart.beat()
      }
    }
    let next = Number.POSITIVE_INFINITY
    for (const queue of this.#queues.values()) {
      for (const due of queue.values()) {
        next = Math.min(next, due)
        break
      }
    }
    if (next < this.#due) this.#arm(next)
  }
}
