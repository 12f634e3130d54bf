/**
 * The recent frames of one log, ready to send.
 *
 * Owns consecutive segments up to `tail`, bounded in bytes; the shared budget may take the oldest ones
 * at any time. A segment that does not continue the tail replaces everything: a ring is never wrong, at
 * worst it is short, and what it lacks is read from the store.
 */
import type { RingBudget, SegmentOwner } from './ring-budget.ts'
import { type Batch, type Cut, cutBatch, type Segment, type TypeFilter } from './segment.ts'

/** Followers of one pass stand at few different cursors; beyond this many, batches are cut anew. */
const keptCutsMax = 16

export class Ring implements SegmentOwner {
  readonly #budget: RingBudget
  readonly #limit: number
  // A queue: entries before #start are gone. Cheaper than shift() on every commit.
  #segments: (Segment | undefined)[] = []
  #start = 0
  #bytes = 0
  #tail = 0
  readonly #cuts = new Map<TypeFilter | null, Map<number, Batch>>()

  constructor(limitBytes: number, budget: RingBudget) {
    this.#limit = limitBytes
    this.#budget = budget
  }

  /** `seq` of the newest frame; 0 before the first. */
  get tail(): number {
    return this.#tail
  }

  get empty(): boolean {
    return this.#start === this.#segments.length
  }

  append(segment: Segment): void {
    if (segment.first !== this.#tail + 1) this.drop()
    this.#cuts.clear()
    this.#segments.push(segment)
    this.#bytes += segment.cost
    this.#tail = segment.last
    this.#budget.add(segment, this)
    while (this.#bytes > this.#limit) this.#shift()
  }

  evict(segment: Segment): void {
    if (this.#segments[this.#start] === segment) this.#shift()
  }

  drop(): void {
    while (!this.empty) this.#shift()
    this.#segments = []
    this.#start = 0
    this.forgetCuts()
  }

  /** Drops the batches that followers share during one pass: kept longer, they would be a second ring. */
  forgetCuts(): void {
    this.#cuts.clear()
  }

  /** Returns null when the ring does not hold the event after the cursor. */
  take(cut: Cut): Batch | null {
    const known = this.#cuts.get(cut.filter)?.get(cut.after)
    if (known !== undefined) return known
    const index = this.#find(cut.after + 1)
    if (index === -1) return null
    const batch = cutBatch(this.#segments, index, cut)
    this.#keep(cut, batch)
    return batch
  }

  #keep(cut: Cut, batch: Batch): void {
    let cuts = this.#cuts.get(cut.filter)
    if (cuts === undefined) {
      cuts = new Map()
      this.#cuts.set(cut.filter, cuts)
    }
    if (cuts.size >= keptCutsMax) cuts.clear()
    cuts.set(cut.after, batch)
  }

  #find(seq: number): number {
    let low = this.#start
    let high = this.#segments.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const segment = this.#segments[middle]
      if (segment === undefined) return -1
      if (seq < segment.first) high = middle - 1
      else if (seq > segment.last) low = middle + 1
      else return middle
    }
    return -1
  }

  #shift(): void {
    const segment = this.#segments[this.#start]
    if (segment === undefined) return
    this.#segments[this.#start] = undefined
    this.#start += 1
    this.#bytes -= segment.cost
    this.#budget.remove(segment)
    if (this.#start > 64 && this.#start * 2 > this.#segments.length) {
      this.#segments = this.#segments.slice(this.#start)
      this.#start = 0
    }
  }
}
