/**
 * The way of a job's output into the log.
 *
 * Owns: whether the pipes are paused. Invariants: both pipes are paused while too much is on its way to the disk; what
 * was emitted before `settled()` is on disk when it resolves.
 */
import type { Readable } from 'node:stream'
import { type EmittedEvent, emitHighWater, type RunContext } from '#runners/runner'

export class Flow {
  readonly #context: Pick<RunContext, 'emit' | 'uncommittedBytes'>
  readonly #pipes: readonly Readable[]
  #isPaused = false
  #isDraining = false
  #lastEmit: Promise<void> = Promise.resolve()

  constructor(context: Pick<RunContext, 'emit' | 'uncommittedBytes'>, pipes: readonly Readable[]) {
    this.#context = context
    this.#pipes = pipes
  }

  emit(events: EmittedEvent[]): void {
    if (events.length === 0) return
    const emitted = this.#context.emit(events)
    this.#lastEmit = emitted
    // A failed write also ends the run, and `settled()` rejects with it.
    emitted.then(this.#settled, this.#settled)
    if (this.#isPaused || this.#isDraining) return
    if (this.#context.uncommittedBytes > emitHighWater) this.#setPaused(true)
  }

  /** Stops pausing for the disk: nobody writes to the pipes now, so the rest is bounded. */
  drain(): void {
    this.#isDraining = true
    if (this.#isPaused) this.#setPaused(false)
  }

  /** Rejects if the last write failed. */
  settled(): Promise<void> {
    return this.#lastEmit
  }

  readonly #settled = (): void => {
    if (this.#isPaused && this.#context.uncommittedBytes <= emitHighWater) this.#setPaused(false)
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    for (const pipe of this.#pipes) {
      if (isPaused) pipe.pause()
      else pipe.resume()
    }
  }
}
