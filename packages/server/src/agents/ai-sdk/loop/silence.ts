/**
 * Watches that a model keeps talking. The time-outs of the SDK start with the answer: if a model never began
 * one, the execution would wait forever.
 *
 * Owns: one timer, until `stop()`.
 */
import type { Clock } from '#time/clock'

/** How long a model may say nothing. A local one may need minutes to read a long request. */
export interface SilenceLimits {
  beforeMs: number
  betweenMs: number
}

export class Silence {
  readonly #limits: SilenceLimits
  readonly #clock: Clock
  readonly #controller = new AbortController()
  #error: Error | null = null
  #cancel: () => void

  constructor(limits: SilenceLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#cancel = this.#wait(limits.beforeMs)
  }

  /** Aborted when the model said nothing for too long. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Why `signal` is aborted; null if it is not. */
  get error(): Error | null {
    return this.#error
  }

  heard(): void {
    this.#cancel()
    if (this.#error === null) this.#cancel = this.#wait(this.#limits.betweenMs)
  }

  stop(): void {
    this.#cancel()
  }

  #wait(ms: number): () => void {
    return this.#clock.after(ms, () => {
      this.#error = new Error(`it said nothing for ${ms / 1000} seconds`)
      this.#controller.abort()
    })
  }
}
