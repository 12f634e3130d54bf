/**
 * The time that an execution may work: it does not run while a question to people is open.
 *
 * Owns one timer, until `stop()`. Invariant: `late` is called once at most, when no question is open.
 */
import type { Clock } from '#time/clock'

export class WorkTime {
  readonly #clock: Clock
  readonly #late: () => void
  #leftMs: number
  #since: number
  #questions = 0
  #callOff: () => void = () => {}
  #stopped = false

  constructor(seconds: number, late: () => void, clock: Clock) {
    this.#clock = clock
    this.#late = late
    this.#leftMs = seconds * 1000
    this.#since = clock.now()
    this.#run()
  }

  /** Stops the time until the answer is there, or there will be none. */
  async during<Answer>(question: Promise<Answer>): Promise<Answer> {
    this.#questions += 1
    if (this.#questions === 1) this.#pause()
    try {
      return await question
    } finally {
      this.#questions -= 1
      if (this.#questions === 0) this.#run()
    }
  }

  stop(): void {
    this.#stopped = true
    this.#callOff()
  }

  #pause(): void {
    this.#callOff()
    this.#leftMs -= this.#clock.now() - this.#since
  }

  #run(): void {
    if (this.#stopped) return
    this.#since = this.#clock.now()
    this.#callOff = this.#clock.after(Math.max(0, this.#leftMs), () => {
      this.stop()
      this.#late()
    })
  }
}
