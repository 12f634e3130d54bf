/**
 * Delivery: every stream of events to a client, and every follower inside the process.
 *
 * Owns the subscription to the store's hints, the feeds, the one heartbeat timer and all open
 * streams; `close()` releases them all. Nothing here is a truth: a cursor comes from the client, the
 * events from the store, and memory only saves work.
 *
 * How a server uses it: authenticate, then `stream()`. At its `request` event, before anything else,
 * it asks `guardPipelining(req)` and returns without an answer when that is true. At shutdown it
 * commits what there is to commit, awaits `drain()`, and calls `close()`.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { parseCursor, type Resume, resolveResume } from '@millrace/protocol'
import { type Chunk, textChunk } from '#sse/chunk'
import { commentText } from '#sse/encode'
import { mergeHeaders, setLogHeaders, setStreamHeaders } from '#sse/headers'
import { Heartbeats } from '#sse/heartbeats'
import { openSink } from '#sse/open-sink'
import { PipeliningGuard } from '#sse/pipelining'
import { Turns } from '#sse/turns'
import { type Clock, monotonicClock } from '#time/clock'
import { Feeds } from './feeds.ts'
import { Follower } from './follower.ts'
import { Hub } from './hub.ts'
import { type IterateOptions, type Iterator, iterate } from './iterate.ts'
import { RingBudget } from './ring-budget.ts'
import type { DeliverySource, LogBounds, StoredEvent } from './source.ts'

export { CursorReset, type IterateOptions } from './iterate.ts'
export type { DeliverySource } from './source.ts'

export interface StreamOptions {
  req: IncomingMessage
  res: ServerResponse
  runId: string
  /** Set by plugins (CORS, helmet …); where a stream needs another value, its own wins. */
  headers?: OutgoingHttpHeaders | undefined
  /** The `Last-Event-ID` header as it came; wins over `after` unless it is empty. */
  lastEventId?: string | undefined
  after?: string | undefined
  epoch?: string | undefined
  /** Only these types, besides the terminal event and `reset`; none named: all. */
  types?: readonly string[] | undefined
  /** The comment `: text`, every `intervalMs`. */
  heartbeat: { intervalMs: number; text: string }
  /** Compress for clients that accept gzip. */
  compress: boolean
}

export interface StreamHandle {
  /** Resolves when the response is finished or its connection gone. */
  readonly closed: Promise<void>
  /** Ends the stream at once (a revoked credential, a cap). */
  close(): void
  /** Milliseconds of delivery's clock since which the client has not taken what was sent; null when it keeps up. */
  readonly stalledSince: number | null
  /** `seq` up to which the log was handed to the connection. */
  readonly cursor: number
}

export type StreamResult =
  /** No such run; the caller answers. */
  | { outcome: 'missing' }
  /** Answered in full: a 204, or the headers that a HEAD asked for. */
  | { outcome: 'over' }
  | { outcome: 'streaming'; handle: StreamHandle }

export interface DeliveryOptions {
  store: DeliverySource
  clock?: Clock
  /** What one feed's ring may keep; default 1 MiB. */
  ringBytes?: number
  /** What all feeds together may keep; default 64 MiB. */
  totalRingBytes?: number
  /** What a follower writes at once, apart from a single event that is larger; default 64 KiB. */
  batchBytes?: number
}

export interface DeliveryStats {
  /** Open streams, those included whose end is still on its way to the client. */
  followers: number
  /** Streams whose client does not take what was sent. */
  stalled: number
  /** Streams whose cursor is behind the head of their log. */
  behind: number
  /** How many events the median stream, and the furthest one, is behind the head of its log. */
  lagMedian: number
  lagMax: number
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

const closedHandle: StreamHandle = {
  closed: Promise.resolve(),
  close: () => {},
  stalledSince: null,
  cursor: 0,
}

export class Delivery {
  readonly #store: DeliverySource
  readonly #clock: Clock
  readonly #batchBytes: number
  readonly #hub: Hub
  readonly #turns = new Turns()
  readonly #heartbeats: Heartbeats
  readonly #budget: RingBudget
  readonly #feeds: Feeds
  readonly #followers = new Set<Follower>()
  readonly #iterators = new Set<Iterator>()
  readonly #comments = new Map<string, Chunk>()
  readonly #pipelining = new PipeliningGuard()
  readonly #counters = { eventsOut: 0, bytesOut: 0, resets: 0, pagesRead: 0, readFailures: 0 }
  #refusing = false

  constructor(options: DeliveryOptions) {
    this.#store = options.store
    this.#clock = options.clock ?? monotonicClock
    this.#batchBytes = options.batchBytes ?? 64 * 1024
    this.#hub = new Hub(options.store)
    this.#heartbeats = new Heartbeats(this.#clock)
    this.#budget = new RingBudget(options.totalRingBytes ?? 64 * 1024 * 1024)
    this.#feeds = new Feeds({
      source: options.store,
      hub: this.#hub,
      turns: this.#turns,
      clock: this.#clock,
      budget: this.#budget,
      ringBytes: options.ringBytes ?? 1024 * 1024,
      batchBytes: this.#batchBytes,
      counters: this.#counters,
    })
  }

  /**
   * Streams a run's log to a client. Rejects when the store cannot be read; nothing was answered then.
   * While draining, the connection is closed unanswered: a status would stop an EventSource for good.
   */
  async stream(options: StreamOptions): Promise<StreamResult> {
    const { req, res, runId } = options
    const { feed, release } = this.#feeds.acquire(runId)
    let handedOver = false
    try {
      // A fresh read: whether a cursor is "ahead" or the log is over must not depend on hints.
      const bounds = this.#refusing ? null : await this.#store.bounds(runId)
      if (this.#refusing) return this.#refuse(res)
      if (bounds === null) return { outcome: 'missing' }
      if (res.destroyed || res.writableEnded) return { outcome: 'streaming', handle: closedHandle }
      feed.observe(bounds)
      const resume = resolveResume(parseCursor(options.lastEventId || options.after), options.epoch, bounds)
      mergeHeaders(res, options.headers)
      setLogHeaders(res, bounds)
      if (resume.kind === 'over' || req.method === 'HEAD') return answerWithoutBody(req, res, resume)
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
      hub: this.#hub,
      heartbeats: this.#heartbeats,
      pageBytes: this.#batchBytes,
      refusing: this.#refusing,
    })
    return {
      [Symbol.asyncIterator]: () => iterate(runId, options, parts(), this.#iterators),
    }
  }

  /**
   * True when the request came on a connection that is carrying a stream: it was pipelined, could
   * only be answered after the stream, and has ended the connection. Do not answer it.
   */
  guardPipelining(req: IncomingMessage): boolean {
    return this.#pipelining.ends(req)
  }

  /**
   * Refuses new streams, gives every follower and iterator what the log has (as of now, read afresh),
   * ends them, and after `timeoutMs` ends the connections of those that did not take it.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#refusing = true
    let callOff = () => {}
    const deadline = new Promise<void>((resolve) => {
      callOff = this.#clock.after(timeoutMs, resolve)
    })
    const flushed = this.#feeds.recheck().then(async () => {
      for (const iterator of this.#iterators) {
        iterator.leaving = true
        iterator.ring()
      }
      for (const follower of this.#followers) follower.leave()
      await Promise.all([
        ...[...this.#followers].map((follower) => follower.closed),
        ...[...this.#iterators].map((iterator) => iterator.over),
      ])
    })
    await Promise.race([flushed, deadline])
    callOff()
    const rest = [...this.#followers]
    for (const follower of rest) follower.destroy()
    await Promise.all(rest.map((follower) => follower.closed))
  }

  /** Looks at every follower: for a scrape, not for a hot path. */
  stats(): DeliveryStats {
    let stalled = 0
    let behind = 0
    let index = 0
    const lags = new Uint32Array(this.#followers.size)
    for (const follower of this.#followers) {
      const { lag } = follower
      if (follower.stalledSince !== null) stalled += 1
      if (lag > 0) behind += 1
      lags[index++] = lag
    }
    lags.sort()
    return {
      followers: this.#followers.size,
      stalled,
      behind,
      lagMedian: lags[lags.length >> 1] ?? 0,
      lagMax: lags.at(-1) ?? 0,
      iterators: this.#iterators.size,
      feeds: this.#feeds.size,
      ringBytes: this.#budget.bytes,
      ...this.#counters,
    }
  }

  /** Ends everything at once. New streams are refused afterwards. */
  close(): void {
    this.#refusing = true
    for (const follower of this.#followers) follower.destroy()
    for (const iterator of this.#iterators) {
      iterator.stopped = true
      iterator.ring()
    }
    this.#heartbeats.close()
    this.#hub.close()
  }

  #refuse(res: ServerResponse): StreamResult {
    res.destroy()
    return { outcome: 'streaming', handle: closedHandle }
  }

  #follow(
    options: StreamOptions,
    bounds: LogBounds,
    resume: Exclude<Resume, { kind: 'over' }>,
    feed: ReturnType<Feeds['acquire']>['feed'],
    releaseFeed: () => void,
  ): Follower {
    // What the closures below name lives as long as the stream: `options`, with its headers, must not.
    const { req, res, heartbeat, compress } = options
    const { firstSeq, head } = bounds
    let stopHeartbeat = () => {}
    let putDown = () => {}
    const follower = new Follower(
      {
        feed,
        turns: this.#turns,
        clock: this.#clock,
        counters: this.#counters,
        after: resume.after,
        epoch: bounds.epoch,
        filter: feed.filterFor(options.types),
        reset: resume.kind === 'reset' ? { reason: resume.reason, firstSeq, head } : null,
        heartbeat: { intervalMs: heartbeat.intervalMs, chunk: this.#comment(heartbeat.text) },
        onDetached: () => {
          releaseFeed()
          stopHeartbeat()
          putDown()
        },
      },
      (events) => openSink(req, res, { compress }, events),
    )
    putDown = this.#pipelining.carry(req.socket)
    stopHeartbeat = this.#heartbeats.add(follower, heartbeat.intervalMs)
    this.#followers.add(follower)
    void follower.closed.then(() => this.#followers.delete(follower))
    return follower
  }

  /** Followers share the bytes of their heartbeat. */
  #comment(text: string): Chunk {
    const chunk = this.#comments.get(text) ?? textChunk(commentText(text))
    // Texts come from routes, not from clients; a caller that makes up new ones is not remembered.
    if (this.#comments.size < 16) this.#comments.set(text, chunk)
    return chunk
  }
}

function answerWithoutBody(req: IncomingMessage, res: ServerResponse, resume: Resume): StreamResult {
  if (resume.kind === 'over') res.statusCode = 204
  else setStreamHeaders(req, res)
  res.end()
  return { outcome: 'over' }
}
