/** A feed and its followers on sinks in memory: the whole of delivery but the sockets. */

import { Feeds } from '#delivery/feeds'
import { Follower } from '#delivery/follower'
import { Hub } from '#delivery/hub'
import { RingBudget } from '#delivery/ring-budget'
import type { Chunk } from '#sse/chunk'
import { bodyOf, textChunk } from '#sse/chunk'
import type { Sink, SinkEvents } from '#sse/sink'
import { Turns } from '#sse/turns'
import { ManualClock } from './manual-clock.ts'
import type { MemoryLog } from './memory-log.ts'
import { parseResume } from './resume.ts'

export class MemorySink implements Sink {
  text = ''
  writes = 0
  backedUp = false
  over: 'ended' | 'destroyed' | null = null
  readonly #events: SinkEvents
  readonly #fullAfterWrite: () => boolean

  constructor(events: SinkEvents, fullAfterWrite: () => boolean) {
    this.#events = events
    this.#fullAfterWrite = fullAfterWrite
  }

  write(chunk: Chunk): void {
    if (this.backedUp) throw new Error('written to while backed up')
    if (this.over !== null) throw new Error('written to after the end')
    const head = `${chunk.length.toString(16)}\r\n`
    if (chunk.chunked.toString() !== `${head}${bodyOf(chunk)}\r\n`) throw new Error('bad chunk framing')
    this.text += bodyOf(chunk).toString()
    this.writes += 1
    this.backedUp = this.#fullAfterWrite()
  }

  drain(): void {
    if (!this.backedUp || this.over !== null) return
    this.backedUp = false
    this.#events.drained()
  }

  end(): void {
    this.over ??= 'ended'
    queueMicrotask(() => this.#events.closed())
  }

  destroy(): void {
    this.over = 'destroyed'
    queueMicrotask(() => this.#events.closed())
  }
}

export interface RigOptions {
  ringBytes?: number
  totalRingBytes?: number
  batchBytes?: number
}

export class FeedRig {
  readonly clock = new ManualClock()
  readonly turns = new Turns()
  readonly hub: Hub
  readonly budget: RingBudget
  readonly feeds: Feeds
  readonly counters = { eventsOut: 0, bytesOut: 0, resets: 0, readFailures: 0, pagesRead: 0 }
  readonly #log: MemoryLog

  constructor(log: MemoryLog, options: RigOptions = {}) {
    this.#log = log
    this.hub = new Hub(log)
    this.budget = new RingBudget(options.totalRingBytes ?? 1 << 20)
    this.feeds = new Feeds({
      source: log,
      hub: this.hub,
      turns: this.turns,
      clock: this.clock,
      budget: this.budget,
      ringBytes: options.ringBytes ?? 1 << 16,
      batchBytes: options.batchBytes ?? 1 << 12,
      counters: this.counters,
    })
  }

  /** Null when the log is over for this cursor. */
  async follow(
    runId: string,
    after: string | undefined,
    options: { types?: string[]; fullAfterWrite?: () => boolean } = {},
  ): Promise<{ follower: Follower; sink: MemorySink } | null> {
    const { feed, release } = this.feeds.acquire(runId)
    const bounds = await this.#log.bounds(runId)
    if (bounds === null) throw new Error('no such run')
    feed.observe(bounds)
    const start = parseResume(after, bounds)
    if (start === null) {
      release()
      return null
    }
    let sink: MemorySink | undefined
    const follower = new Follower(
      {
        feed,
        turns: this.turns,
        clock: this.clock,
        counters: this.counters,
        ...start,
        epoch: bounds.epoch,
        filter: feed.filterFor(options.types),
        heartbeat: { intervalMs: 15_000, chunk: textChunk(': heartbeat\n\n') },
        onDetached: release,
      },
      (events) => {
        sink = new MemorySink(events, options.fullAfterWrite ?? (() => false))
        return sink
      },
    )
    if (sink === undefined) throw new Error('the follower opened no sink')
    return { follower, sink }
  }
}
