/** A feed and its followers on sinks in memory: all of delivery but the sockets. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { type Dialect, nativeDialect } from '#delivery/dialect'
import { Feeds } from '#delivery/feeds'
import { Follower } from '#delivery/follower'
import { RingBudget } from '#delivery/ring-budget'
import type { Chunk } from '#sse/chunk'
import { bodyOf, textChunk } from '#sse/chunk'
import { Connection, type ConnectionParts, type ConnectionUser } from '#sse/connection'
import { FairQueue } from '#sse/fair-queue'
import { Heartbeats } from '#sse/heartbeats'
import type { Sink, SinkOwner } from '#sse/sink'
import { localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'
import type { MemoryLog } from './memory-log.ts'
import { parseResume } from './resume.ts'

export class MemorySink implements Sink {
  text = ''
  writes = 0
  backedUp = false
  over: 'ended' | 'destroyed' | null = null
  readonly #owner: SinkOwner
  readonly #fullAfterWrite: () => boolean

  constructor(owner: SinkOwner, fullAfterWrite: () => boolean) {
    this.#owner = owner
    this.#fullAfterWrite = fullAfterWrite
  }

  write(chunk: Chunk): boolean {
    if (chunk.length === 0) throw new Error('an empty chunk ends the body')
    if (this.backedUp) throw new Error('written to while backed up')
    if (this.over !== null) throw new Error('written to after the end')
    const head = `${chunk.length.toString(16)}\r\n`
    if (chunk.chunked.toString() !== `${head}${bodyOf(chunk)}\r\n`) throw new Error('bad chunk framing')
    this.text += bodyOf(chunk).toString()
    this.writes += 1
    this.backedUp = this.#fullAfterWrite()
    return !this.backedUp
  }

  drain(): void {
    if (!this.backedUp || this.over !== null) return
    this.backedUp = false
    this.#owner.drained()
  }

  end(): void {
    this.over ??= 'ended'
    queueMicrotask(() => this.#owner.over())
  }

  destroy(): void {
    this.over = 'destroyed'
    queueMicrotask(() => this.#owner.over())
  }
}

/** A connection on a sink in memory. */
export function connectInMemory(
  user: ConnectionUser,
  parts: ConnectionParts,
  options: { fullAfterWrite: () => boolean; heartbeatText: string },
): { connection: Connection; sink: MemorySink } {
  let sink: MemorySink | undefined
  const connection = new Connection(parts, {
    user,
    heartbeat: { intervalMs: 15_000, chunk: textChunk(options.heartbeatText) },
    openSink: (owner) => {
      sink = new MemorySink(owner, options.fullAfterWrite)
      return sink
    },
    mark: () => () => {},
  })
  if (sink === undefined) throw new Error('the connection opened no sink')
  return { connection, sink }
}

export interface RigOptions {
  ringBytes?: number
  totalRingBytes?: number
  batchBytes?: number
}

export class FeedRig {
  readonly clock = new ManualClock()
  readonly heartbeats = new Heartbeats(this.clock)
  readonly turns = new FairQueue()
  readonly wakeups: Wakeups
  readonly budget: RingBudget
  readonly feeds: Feeds
  readonly counters = { eventsOut: 0, bytesOut: 0, resets: 0, readFailures: 0, pagesRead: 0 }
  readonly #log: MemoryLog

  constructor(log: MemoryLog, options: RigOptions = {}) {
    this.#log = log
    this.wakeups = new Wakeups([localWakeups(log)])
    this.budget = new RingBudget(options.totalRingBytes ?? 1 << 20)
    this.feeds = new Feeds({
      source: log,
      wakeups: this.wakeups,
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
    options: { types?: string[]; dialect?: Dialect; fullAfterWrite?: () => boolean } = {},
  ): Promise<{ follower: Follower; connection: Connection; sink: MemorySink } | null> {
    const { feed, release } = this.feeds.acquire(runId, options.dialect ?? nativeDialect)
    const bounds = await this.#log.bounds(runId)
    if (bounds === null) throw new Error('no such run')
    feed.observe(bounds)
    const start = parseResume(after, bounds)
    if (start === null) {
      release()
      return null
    }
    let connected: ReturnType<typeof connectInMemory> | undefined
    const follower = new Follower(
      {
        feed,
        turns: this.turns,
        counters: this.counters,
        ...start,
        epoch: bounds.epoch,
        filter: feed.filterFor(options.types),
        recheckMs: 15_000,
        onDetached: release,
      },
      (user) => {
        connected = connectInMemory(user, this, {
          fullAfterWrite: options.fullAfterWrite ?? (() => false),
          heartbeatText: ': heartbeat\n\n',
        })
        return connected.connection
      },
    )
    if (connected === undefined) throw new Error('the follower opened no connection')
    return { follower, ...connected }
  }
}
