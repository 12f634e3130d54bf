/**
 * The log of one run, as far as a page shows it: any part of it is read from the server when it is wanted, and its end
 * is followed live.
 *
 * Owns the blocks in memory, the reads in flight, and the following. Invariants: `head` and `firstSeq` are what the
 * server said last; each block has at most one read in flight, and only blocks that are wanted have one; after `close()`
 * nothing is read, and nobody is notified.
 */
import type { Client, ClientError, Following, FollowStatus } from '@millrace/client'
import { nextFrame, type Schedule } from '@millrace/react'
import { type BlockBounds, Blocks, type LoggedEvent } from './blocks.ts'

export interface EventLogState {
  /** The oldest event that is kept, and the newest. Both 0 until they are known. */
  readonly firstSeq: number
  readonly head: number
  /** Nothing will be added. */
  readonly isClosed: boolean
  readonly status: FollowStatus
  /** Why it is `reconnecting` or `failed`, or why a part could not be read. */
  readonly error: ClientError | null
  /** Counts what arrived: another number means that a part which was missing may be there now. */
  readonly version: number
}

const defaultBounds: BlockBounds = { blockEvents: 500, charsMax: 24_000_000 }
const readsMax = 4
/** A page that is looked at does not give up: half an hour of attempts. */
const attemptsMax = 300
/** What is read of the end before anything is shown. */
const firstEvents = 100

export class EventLog {
  state: EventLogState = {
    firstSeq: 0,
    head: 0,
    isClosed: false,
    status: 'connecting',
    error: null,
    version: 0,
  }
  readonly #client: Pick<Client, 'events' | 'follow'>
  readonly #runId: string
  readonly #schedule: Schedule
  readonly #blocks: Blocks
  readonly #listeners = new Set<() => void>()
  readonly #reads = new Map<number, AbortController>()
  #wanted: readonly [first: number, last: number] = [0, -1]
  #epoch: string | undefined
  #following: Following | null = null
  #leave: AbortController | null = null
  #cancelFlush: (() => void) | null = null
  #next = this.state
  #isClosed = false

  constructor(
    client: Pick<Client, 'events' | 'follow'>,
    runId: string,
    {
      schedule = nextFrame,
      bounds = defaultBounds,
    }: { schedule?: Schedule | undefined; bounds?: BlockBounds } = {},
  ) {
    this.#client = client
    this.#runId = runId
    this.#schedule = schedule
    this.#blocks = new Blocks(bounds)
  }

  /** Reads where the log begins and how long it is. `head` is what is known of that: its end is read at once. */
  async open(head = 0): Promise<void> {
    this.#change({ head })
    const opening = this.#read(0, 1)
    if (head > 0) this.want(head - firstEvents, head)
    await opening
    if (this.#next.isClosed) this.#change({ status: 'closed' })
    else if (this.#next.error === null) this.follow()
    else this.#change({ status: 'failed' })
  }

  /** After `failed`. */
  retry(): void {
    this.#change({ error: null })
    if (this.#following !== null) this.#following.retry()
    else if (this.#next.firstSeq === 0) void this.open()
    else this.follow()
    this.#readWanted()
  }

  /** Receives what is added, from the head on. */
  follow(): void {
    // Before the log was read, its head is not known, and nothing could be continued.
    const isReadable = this.#next.firstSeq > 0
    if (this.#following !== null || !isReadable || this.#next.isClosed || this.#isClosed) return
    const leave = new AbortController()
    const unlessLeft = (then: () => void) => {
      if (!leave.signal.aborted) then()
    }
    this.#leave = leave
    this.#following = this.#client.follow(this.#runId, {
      after: this.#next.head,
      ...(this.#epoch === undefined ? {} : { epoch: this.#epoch }),
      signal: leave.signal,
      attempts: attemptsMax,
      backoff: { firstMs: 500, maxMs: 8000 },
      onEvent: (event) =>
        unlessLeft(() => this.#append(event as { seq: number; type: string; data: unknown })),
      onReset: ({ firstSeq, head }) => unlessLeft(() => this.#forget(firstSeq, head)),
      onStatus: (status, error) =>
        // Closed without having left: the log is complete.
        unlessLeft(() =>
          this.#change({
            status,
            error: error ?? null,
            isClosed: this.#next.isClosed || status === 'closed',
          }),
        ),
    }) as Following
  }

  /** An event in memory. */
  event(seq: number): LoggedEvent | undefined {
    return this.#blocks.get(seq)
  }

  /** Reads the events from one to the other, if they are not in memory. Reads of what is no longer wanted end. */
  want(first: number, last: number): void {
    const from = this.#blocks.numberOf(Math.max(first, 1))
    const to = this.#blocks.numberOf(Math.max(Math.min(last, this.#next.head), 1))
    this.#wanted = [from, to]
    this.#blocks.pin(from, to)
    for (const [number, read] of this.#reads) {
      const isOpening = number === 0 && this.#next.firstSeq === 0
      if (!isOpening && (number < from || number > to)) read.abort()
    }
    this.#readWanted()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  getState = (): EventLogState => this.state

  close(): void {
    this.#isClosed = true
    this.#cancelFlush?.()
    this.#leave?.abort()
    for (const read of this.#reads.values()) read.abort()
    this.#listeners.clear()
  }

  #readWanted(): void {
    const [from, to] = this.#wanted
    for (let number = to; number >= from && this.#reads.size < readsMax; number--) {
      if (!this.#isComplete(number)) void this.#read(number)
    }
  }

  #isComplete(number: number): boolean {
    const [, last] = this.#blocks.rangeOf(number)
    return this.#blocks.readTo(number) >= Math.min(last, this.#next.head)
  }

  async #read(number: number, most = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#isClosed || this.#reads.has(number)) return
    const read = new AbortController()
    this.#reads.set(number, read)
    const [, last] = this.#blocks.rangeOf(number)
    const after = this.#blocks.readTo(number)
    try {
      const page = await this.#client.events(
        this.#runId,
        { after, limit: Math.min(last - after, most) },
        { signal: read.signal },
      )
      if (!read.signal.aborted) this.#take(page, after, last)
    } catch (error) {
      if (!read.signal.aborted) this.#change({ error: error as ClientError })
      return
    } finally {
      this.#reads.delete(number)
    }
    this.#readWanted()
  }

  #take(page: Awaited<ReturnType<Client['events']>>, after: number, last: number): void {
    if (this.#epoch !== undefined && page.epoch !== this.#epoch) this.#forget(0, 0)
    this.#epoch = page.epoch
    const events = page.events.filter(({ seq }) => seq <= last)
    const first = page.events[0]?.seq
    const { firstSeq, head } = this.#next
    // Where the log was pruned, the page begins later than at its cursor.
    const isBeginning = first !== undefined && (after === 0 || first > after + 1)
    const begins = isBeginning ? first : after === 0 ? 1 : firstSeq
    const readTo = events.at(-1)?.seq ?? Math.min(last, page.head)
    this.#blocks.put(events, readTo)
    this.#change({
      firstSeq: Math.max(begins, firstSeq),
      head: Math.max(head, page.head),
      isClosed: this.#next.isClosed || page.closed,
      error: null,
      version: this.#next.version + 1,
    })
  }

  #append({ seq, type, data }: { seq: number; type: string; data: unknown }): void {
    const { timestamp } = (data ?? {}) as { timestamp?: unknown }
    const event = { seq, at: typeof timestamp === 'number' ? timestamp : null, type, data }
    const number = this.#blocks.numberOf(seq)
    // A block is filled from its beginning, so that `readTo` stays true; another part of it is read when it is wanted.
    if (this.#blocks.readTo(number) === seq - 1) this.#blocks.put([event], seq)
    this.#change({ head: Math.max(this.#next.head, seq), version: this.#next.version + 1 })
  }

  #forget(firstSeq: number, head: number): void {
    this.#blocks.clear()
    this.#change({ firstSeq, head: firstSeq === 0 ? 0 : Math.min(head, firstSeq - 1) })
  }

  #change(changed: Partial<EventLogState>): void {
    if (this.#isClosed) return
    const names = Object.keys(changed) as (keyof EventLogState)[]
    if (names.every((name) => changed[name] === this.#next[name])) return
    this.#next = { ...this.#next, ...changed }
    this.#cancelFlush ??= this.#schedule(() => {
      this.#cancelFlush = null
      this.state = this.#next
      for (const listener of [...this.#listeners]) listener()
      this.#readWanted()
    })
  }
}
