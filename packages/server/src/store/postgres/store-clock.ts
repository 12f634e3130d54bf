/**
 * The time of the database, kept by this process's monotonic clock, whatever its wall clock says: approvals, credentials and
 * leases end at the same moment on every node.
 *
 * Owns how far apart the two clocks are. Invariant: each reading, which says between which two moments the database looked at its
 * clock, moves that no further than the reading proves.
 */
export class StoreClock {
  readonly #monotonic: () => number
  /** The database's time less the monotonic one; null before the first reading. */
  #ahead: number | null = null

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic
  }

  /** `time`: what the database's clock showed, after `askedAt` and before now. */
  read(time: number, askedAt: number): void {
    const [least, most] = [time - this.#monotonic(), time - askedAt]
    const ahead = this.#ahead ?? (least + most) / 2
    this.#ahead = Math.min(Math.max(ahead, least), most)
  }

  /** Milliseconds since the epoch. */
  now(): number {
    if (this.#ahead === null) throw new Error('the clock of the database was never read')
    return Math.round(this.#ahead + this.#monotonic())
  }
}
