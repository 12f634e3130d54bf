/**
 * Notices that an agent's process is silent although nothing is under way that may take long.
 *
 * Owns: one timer, until `stop()`.
 * Invariants: it barks at most once, and never while a tool runs or a person is asked; it remembers a
 * bounded number of calls.
 */
import type { Clock } from '#time/clock'

/** Far more calls than an agent has under way at once. */
const callsMax = 1000

export interface WatchdogOptions {
  clock: Clock
  silenceMs: number
  stalled(): void
}

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #calls = new Set<string>()
  #waiting = 0
  #heardAt: number
  #cancel: () => void = () => {}
  #stopped = false

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#heardAt = options.clock.now()
    this.#wait(options.silenceMs)
  }

  /** The process said something. */
  heard(): void {
    this.#heardAt = this.#options.clock.now()
  }

  began(toolUseId: string): void {
    if (this.#calls.size < callsMax) this.#calls.add(toolUseId)
  }

  ended(toolUseId: string): void {
    this.#calls.delete(toolUseId)
    this.heard()
  }

  /** `waits`: a question to people opens; otherwise one closes. */
  asking(waits: boolean): void {
    this.#waiting += waits ? 1 : -1
    this.heard()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #wait(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => this.#look())
  }

  #look(): void {
    if (this.#stopped) return
    const { clock, silenceMs, stalled } = this.#options
    const isBusy = this.#calls.size > 0 || this.#waiting > 0
    const left = isBusy ? silenceMs : this.#heardAt + silenceMs - clock.now()
    if (left > 0) {
      this.#wait(left)
      return
    }
    this.stop()
    stalled()
  }
}
