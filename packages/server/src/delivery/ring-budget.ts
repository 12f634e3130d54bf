/**
 * One budget of bytes for everything that feeds keep in memory.
 *
 * Owns the order in which segments arrived, over all feeds, and nothing else: the bytes belong to the
 * rings and page caches. Invariant: `bytes` is the sum over all kept segments, and after `add` it is
 * within the budget. The oldest segment of all goes first, so a feed that fell silent gives way to a
 * busy one.
 */
import type { Segment } from './segment.ts'

export interface SegmentOwner {
  /** Lets go of the oldest segment it has, and calls `remove`. */
  evict(segment: Segment): void
}

export class RingBudget {
  readonly #limit: number
  readonly #owners = new Map<Segment, SegmentOwner>()
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  add(segment: Segment, owner: SegmentOwner): void {
    this.#owners.set(segment, owner)
    this.#bytes += segment.cost
    while (this.#bytes > this.#limit) {
      const oldest = this.#owners.entries().next()
      if (oldest.done === true) return
      const [victim, victimOwner] = oldest.value
      victimOwner.evict(victim)
      this.remove(victim)
    }
  }

  remove(segment: Segment): void {
    if (this.#owners.delete(segment)) this.#bytes -= segment.cost
  }
}
