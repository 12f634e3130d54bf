/**
 * Delivery: every stream of events to a client, and every follower inside the process.
 *
 * Owns the feeds, the one heartbeat timer and all open streams; `close()` releases them all. Nothing here
 * is a truth: a cursor comes from the client, the events from the store, and memory only saves work.
 *
 * How a server uses it: authenticate, then `stream()`. At shutdown it commits everything there is to
 * commit, awaits `drain()`, and calls `close()`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type LogBounds, parseCursor, type Resume, resolveResume } from '@millrace/protocol'
import type { ConnectionParts } from '#sse/connection'
import { FairQueue } from '#sse/fair-queue'
import { mergeHeaders, setLogHeaders, setStreamHeaders } from '#sse/headers'
import { Heartbeats } from '#sse/heartbeats'
import { openStream } from '#sse/open'
import { type Clock, monotonicClock } from '#time/clock'
import { deadlineAfter } from '#time/deadline'
import type { Wakeups } from '#wakeups/wakeups'
import { type Dialect, nativeDialect } from './dialect.ts'
import type { Feed } from './feed.ts'
import { Feeds } from './feeds.ts'
import { Follower } from './follower.ts'
import { type FollowerStats, Followers } from './followers.ts'
import { HeartbeatFrames } from './heartbeat-frames.ts'
import { type IterateOptions, type Iterator, iterate } from './iterate.ts'
import { RingBudget } from './ring-budget.ts'
import type { LogSource, StoredEvent } from './source.ts'
import { closedHandle, type StreamOptions, type StreamResult } from './stream.ts'

export { CursorReset, type IterateOptions } from './iterate.ts'
export type { StreamOptions, StreamResult } from './stream.ts'

export interface DeliveryOptions {
  store: LogSource
  wakeups: Pick<Wakeups, 'listen'>
  clock?: Clock
  /** What one feed's ring may keep; default 1 MiB. */
  ringBytes?: number
  /** What all feeds together may keep; default 64 MiB. */
  totalRingBytes?: number
  /** What a follower writes at once, apart from a single event that is larger; default 64 KiB. */
  batchBytes?: number
}

export interface DeliveryStats extends FollowerStats {
  iterators: number
  feeds: number
  /** Bytes in rings and page caches. */
  ringBytes: number
  /** Counters since the start. Bytes are those of frames, before compression and HTTP framing. */
  eventsOut: number
  bytesOut: number
  resets: number
  pagesRead: number
  readFailures: number
}

export class Delivery {
  readonly #store: LogSource
  readonly #wakeups: Pick<Wakeups, 'listen'>
  readonly #batchBytes: number
  readonly #turns = new FairQueue()
  readonly #budget: RingBudget
  readonly #feeds: Feeds
  readonly #followers = new Followers()
  readonly #iterators = new Set<Iterator>()
  readonly #heartbeats = new HeartbeatFrames()
  readonly #counters = { eventsOut: 0, bytesOut: 0, resets: 0, pagesRead: 0, readFailures: 0 }
  readonly #connections: ConnectionParts
  #refusing = false

  constructor(options: DeliveryOptions) {
    const clock = options.clock ?? monotonicClock
    this.#store = options.store
    this.#wakeups = options.wakeups
    this.#batchBytes = options.batchBytes ?? 64 * 1024
    this.#connections = { clock, heartbeats: new Heartbeats(clock), counters: this.#counters }
    this.#budget = new RingBudget(options.totalRingBytes ?? 64 * 1024 * 1024)
    this.#feeds = new Feeds({
      source: options.store,
      wakeups: this.#wakeups,
      turns: this.#turns,
      clock,
      budget: this.#budget,
      ringBytes: options.ringBytes ?? 1024 * 1024,
      batchBytes: this.#batchBytes,
      counters: this.#counters,
    })
  }

  /**
   * Streams a run's log to a client. Rejects when the store cannot be read, or as `bounds` does; nothing was answered then.
   * While draining, the connection is closed unanswered: a status would stop an EventSource for good.
   */
  async stream(options: StreamOptions): Promise<StreamResult> {
    const {
      req,
      res,
      runId,
      dialect = nativeDialect,
      bounds: read = () => this.#store.bounds(runId),
    } = options
    const { feed, release } = this.#feeds.acquire(runId, dialect)
    let handedOver = false
    try {
      // A fresh read: whether a cursor is "ahead" or the log is over must not depend on wake-ups. The feed hears them already.
      const bounds = this.#refusing ? null : await read()
      if (this.#refusing) return refuse(res)
      if (bounds === null) return { outcome: 'missing' }
      if (res.destroyed || res.writableEnded) return { outcome: 'streaming', handle: closedHandle }
      feed.observe(bounds)
      const resume = resolveResume(parseCursor(options.lastEventId || options.after), options.epoch, bounds)
      mergeHeaders(res, options.headers)
      setLogHeaders(res, bounds)
      const over = resume.kind === 'over' && dialect.whenOver === 'no-content'
      if (over || req.method === 'HEAD') return answerWithoutBody(req, res, over, dialect)
      const follower = this.#follow(options, bounds, resume, feed, release)
      handedOver = true
      return { outcome: 'streaming', handle: follower }
    } finally {
      if (!handedOver) release()
    }
  }

  /** Follows a run from inside the process; see `iterate.ts`. */
  iterate(runId: string, options: IterateOptions = {}): AsyncIterable<StoredEvent> {
    const parts = () => ({
      source: this.#store,
      wakeups: this.#wakeups,
      heartbeats: this.#connections.heartbeats,
      pageBytes: this.#batchBytes,
      refusing: this.#refusing,
    })
    return {
      [Symbol.asyncIterator]: () => iterate(runId, options, parts(), this.#iterators),
    }
  }

  /**
   * Refuses new streams, gives every follower and iterator what the log has (as of now, read afresh),
   * ends them, and after `timeoutMs` ends the connections of clients that did not take it.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#refusing = true
    const deadline = deadlineAfter(this.#connections.clock, timeoutMs)
    const flushed = this.#feeds.recheck().then(async () => {
      for (const iterator of this.#iterators) {
        iterator.leaving = true
        iterator.ring()
      }
      await Promise.all([this.#followers.drain(), ...[...this.#iterators].map((iterator) => iterator.over)])
    })
    await Promise.race([flushed, deadline.passed])
    deadline.callOff()
    await this.#followers.destroy()
  }

  /**
   * The store has another history: refuses new streams and tells every follower that what it has is void, before its stream
   * ends. Resolves when all are over.
   */
  startOver(): Promise<void> {
    this.#refusing = true
    return this.#followers.startOver()
  }

  /** Examines every follower: for a scrape, not for a hot path. */
  stats(): DeliveryStats {
    return {
      ...this.#followers.stats(),
      iterators: this.#iterators.size,
      feeds: this.#feeds.size,
      ringBytes: this.#budget.bytes,
      ...this.#counters,
    }
  }

  /** Ends everything at once. New streams are refused afterwards. */
  close(): void {
    this.#refusing = true
    void this.#followers.destroy()
    for (const iterator of this.#iterators) {
      iterator.stopped = true
      iterator.ring()
    }
    this.#connections.heartbeats.close()
  }

  #follow(
    options: StreamOptions,
    bounds: LogBounds,
    resume: Resume,
    feed: Feed,
    releaseFeed: () => void,
  ): Follower {
    // What closures name lives as long as the stream: `options`, with its headers, must not.
    const { req, res, compress, ownConnection = false } = options
    const { firstSeq, head } = bounds
    const { contentType } = feed.dialect
    const heartbeat = this.#heartbeats.of(feed.dialect, options.heartbeat)
    const follower = new Follower(
      {
        feed,
        turns: this.#turns,
        counters: this.#counters,
        after: resume.kind === 'over' ? head : resume.after,
        epoch: bounds.epoch,
        filter: feed.filterFor(options.types),
        reset: resume.kind === 'reset' ? { reason: resume.reason, firstSeq, head } : null,
        recheckMs: heartbeat.intervalMs,
        onDetached: releaseFeed,
      },
      (user) =>
        openStream(user, this.#connections, { req, res, contentType, compress, ownConnection, heartbeat }),
    )
    this.#followers.add(follower)
    return follower
  }
}

function refuse(res: ServerResponse): StreamResult {
  res.destroy()
  return { outcome: 'streaming', handle: closedHandle }
}

function answerWithoutBody(
  req: IncomingMessage,
  res: ServerResponse,
  over: boolean,
  dialect: Dialect,
): StreamResult {
  if (over) res.statusCode = 204
  else setStreamHeaders(req, res, dialect.contentType)
  res.end()
  return { outcome: 'over' }
}
