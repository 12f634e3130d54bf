/**
 * Questions of parked runs that nobody answers in time. A run that is active looks after its own; a parked one has nobody.
 *
 * Owns one timer, for the question that expires first. Invariant: a question whose time is over is answered within a
 * second of that, or, where another node parked its run, at the next look.
 */
import type { Logger } from 'pino'
import type { ApprovalStore } from '#store/store'
import { type Clock, monotonicClock } from '#time/clock'

export interface ExpiriesParts {
  store: Pick<ApprovalStore, 'waitingApprovals'>
  expire(runId: string, approvalId: string): Promise<void>
  now: () => number
  after?: Clock['after'] | undefined
  /** Other nodes park runs too: look from time to time anyway. */
  othersPark: boolean
  log: Logger
}

const atOnceMax = 100
/** Timers do not count on much longer. */
const longestMs = 3_600_000
const shortestMs = 10
const othersLookMs = 5000
const retryMs = 1000

export class Expiries {
  readonly #parts: ExpiriesParts
  #callOff: () => void = () => {}
  #isLooking = false
  #lookAgain = false
  #stopped = false

  constructor(parts: ExpiriesParts) {
    this.#parts = parts
  }

  /** A run was parked, or the server has begun: a question may expire sooner than any that is known. */
  look(): void {
    this.#lookAgain = true
    if (this.#isLooking) return
    this.#isLooking = true
    void this.#lookAll()
  }

  stop(): void {
    this.#stopped = true
    this.#callOff()
  }

  /** Never rejects. Nothing is awaited between the last check of `#lookAgain` and the end, so that no look is lost. */
  async #lookAll(): Promise<void> {
    this.#callOff()
    let ms: number | null = null
    try {
      while (this.#lookAgain && !this.#stopped) {
        this.#lookAgain = false
        ms = await this.#expireDue()
      }
    } catch (error) {
      ms = retryMs
      if (!this.#stopped)
        this.#parts.log.warn({ err: error }, 'questions that expire cannot be read; trying again')
    }
    this.#isLooking = false
    const { after = monotonicClock.after } = this.#parts
    if (!this.#stopped && ms !== null) this.#callOff = after(ms, () => this.look())
  }

  /** Returns in how many milliseconds to look again; null: when a run is parked. */
  async #expireDue(): Promise<number | null> {
    const { store, expire, now, othersPark } = this.#parts
    const lookMs = othersPark ? othersLookMs : null
    const due = await store.waitingApprovals({ before: now() + 1, limit: atOnceMax })
    for (const { runId, id } of due) await expire(runId, id)
    if (due.length === atOnceMax) return 0
    const [next] = await store.waitingApprovals({ limit: 1 })
    if (next === undefined) return lookMs
    // One that has become due meanwhile is answered by the next look.
    return Math.min(lookMs ?? longestMs, Math.max(next.expiresAt - now(), shortestMs))
  }
}
