/**
 * The part of a log that is in memory: blocks of consecutive events, the least recently used ones dropped first.
 *
 * Owns the blocks and their size. Invariants: an event is filed under its `seq` and nowhere else; all blocks together
 * hold at most `charsMax` characters, or the pinned ones alone; a block is complete when the log has nothing more for it.
 */
export interface LoggedEvent {
  readonly seq: number
  /** Milliseconds since the epoch; null where it is not known. */
  readonly at: number | null
  readonly type: string
  readonly data: unknown
}

interface Block {
  /** By the place in the block; a pruned event leaves a hole. */
  readonly events: (LoggedEvent | undefined)[]
  /** The events up to this `seq` are here, or are no longer in the log. */
  readTo: number
  chars: number
}

export interface BlockBounds {
  blockEvents: number
  charsMax: number
}

/** Characters of an event's JSON besides its data. */
const overheadChars = 64

export class Blocks {
  readonly blockEvents: number
  readonly #charsMax: number
  /** The least recently used first. */
  readonly #blocks = new Map<number, Block>()
  #pinned: readonly [first: number, last: number] = [0, -1]
  #chars = 0

  constructor({ blockEvents, charsMax }: BlockBounds) {
    this.blockEvents = blockEvents
    this.#charsMax = charsMax
  }

  get chars(): number {
    return this.#chars
  }

  numberOf(seq: number): number {
    return Math.floor((seq - 1) / this.blockEvents)
  }

  /** The first and the last `seq` of a block. */
  rangeOf(number: number): [first: number, last: number] {
    return [number * this.blockEvents + 1, (number + 1) * this.blockEvents]
  }

  /** Blocks that are not dropped while they are shown. */
  pin(first: number, last: number): void {
    this.#pinned = [first, last]
    for (let number = first; number <= last; number++) this.#touch(number)
  }

  get(seq: number): LoggedEvent | undefined {
    const block = this.#blocks.get(this.numberOf(seq))
    return block?.events[(seq - 1) % this.blockEvents]
  }

  /** The `seq` up to which a block has been read; one less than its first where nothing has. */
  readTo(number: number): number {
    return this.#blocks.get(number)?.readTo ?? this.rangeOf(number)[0] - 1
  }

  /** Files events that follow each other. All up to `readTo` have been read, also where the log had none. */
  put(events: readonly LoggedEvent[], readTo: number): void {
    for (const event of events) {
      const number = this.numberOf(event.seq)
      const block = this.#blocks.get(number) ?? this.#add(number)
      const place = (event.seq - 1) % this.blockEvents
      if (block.events[place] === undefined) {
        block.events[place] = event
        const chars = charsOf(event)
        block.chars += chars
        this.#chars += chars
      }
      block.readTo = Math.max(block.readTo, event.seq)
    }
    const number = this.numberOf(Math.max(readTo, 1))
    const last = this.#blocks.get(number) ?? this.#add(number)
    last.readTo = Math.max(last.readTo, readTo)
    this.#evict()
  }

  clear(): void {
    this.#blocks.clear()
    this.#chars = 0
  }

  #add(number: number): Block {
    const block: Block = { events: [], readTo: this.rangeOf(number)[0] - 1, chars: 0 }
    this.#blocks.set(number, block)
    return block
  }

  #touch(number: number): void {
    const block = this.#blocks.get(number)
    if (block === undefined) return
    this.#blocks.delete(number)
    this.#blocks.set(number, block)
  }

  #evict(): void {
    const [first, last] = this.#pinned
    for (const [number, { chars }] of this.#blocks) {
      if (this.#chars <= this.#charsMax) return
      if (number >= first && number <= last) continue
      this.#blocks.delete(number)
      this.#chars -= chars
    }
  }
}

function charsOf({ data }: LoggedEvent): number {
  const { line } = (data ?? {}) as { line?: unknown }
  return overheadChars + (typeof line === 'string' ? line.length : (JSON.stringify(data)?.length ?? 0))
}
