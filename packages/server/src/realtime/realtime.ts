/**
 * Topics: who follows which, and what they are told.
 *
 * Owns every realtime connection of this node, the index of their subscriptions, the timer of their
 * pings, and the pace at which changes of runs are told; `close()` releases them all. Nothing here is a truth:
 * records are read from the store each time. Invariants: a record goes only to those who may see it,
 * judged when it is told; a client that is forgotten has its stream ended; what its subscriptions cost
 * is bounded, for each client and for all.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { MillraceError } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Identity } from '#auth/identity'
import { textChunk } from '#sse/chunk'
import { commentText } from '#sse/encode'
import { mergeHeaders } from '#sse/headers'
import { Heartbeats } from '#sse/heartbeats'
import { openSink } from '#sse/open-sink'
import { PipeliningGuard } from '#sse/pipelining'
import { Turns } from '#sse/turns'
import type { Store } from '#store/store'
import { type Clock, monotonicClock } from '#time/clock'
import { RealtimeClient, type RealtimeCounters } from './client.ts'
import type { RunHooks } from './hooks.ts'
import { type Message, Published, RecordChange } from './message.ts'
import { type Audience, ProjectChanges } from './project-changes.ts'
import { type RunChange, RunChanges } from './run-changes.ts'
import { audienceOf, Subscribers } from './subscribers.ts'
import { type Subscription, topicProblem } from './subscription.ts'
import { SubscriptionBudget } from './subscription-budget.ts'

export interface RealtimeParts {
  store: Pick<Store, 'getRun' | 'listRuns' | 'onCommit'>
  /** Topics that guests may follow. */
  publicTopics: readonly string[]
  hooks: RunHooks
  /** Name of this node; a client's id begins with a piece of it. */
  node: string
  now: () => number
  log: Logger
  clock?: Clock
}

export interface ConnectOptions {
  req: IncomingMessage
  res: ServerResponse
  /** Set by plugins (CORS, helmet …). */
  headers: OutgoingHttpHeaders
  /** Compress for clients that accept gzip. */
  compress: boolean
}

export interface RealtimeStats extends RealtimeCounters {
  clients: number
  stalled: number
  subscriptions: number
  pendingBytes: number
  published: number
}

const pingMs = 30_000
const changeIntervalMs = 250
const changeRetryMs = 5000

export class Realtime {
  readonly #parts: RealtimeParts
  readonly #clock: Clock
  readonly #clients = new Map<string, RealtimeClient>()
  readonly #leaving = new Set<RealtimeClient>()
  readonly #subscribers = new Subscribers<RealtimeClient>()
  readonly #budget = new SubscriptionBudget<RealtimeClient>()
  readonly #publicTopics: ReadonlySet<string>
  readonly #turns = new Turns()
  readonly #heartbeats: Heartbeats
  readonly #runChanges: RunChanges
  readonly #projectChanges: ProjectChanges
  readonly #pipelining = new PipeliningGuard()
  readonly #ping = textChunk(commentText('ping'))
  readonly #counters = { messagesOut: 0, bytesOut: 0, coalesced: 0, overflowed: 0, idled: 0 }
  #published = 0
  #refusing = false

  constructor(parts: RealtimeParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? monotonicClock
    this.#publicTopics = new Set(parts.publicTopics)
    this.#heartbeats = new Heartbeats(this.#clock)
    const pace = {
      store: parts.store,
      clock: this.#clock,
      intervalMs: changeIntervalMs,
      retryMs: changeRetryMs,
      onFailure: (error: unknown) => parts.log.warn({ err: error }, 'a change could not be read yet'),
    }
    this.#runChanges = new RunChanges({
      ...pace,
      wanted: () => this.#subscribers.followsRecords || parts.hooks.wanted,
      tell: (change) => this.#tellRun(change),
    })
    this.#projectChanges = new ProjectChanges({
      ...pace,
      tell: (audience, record) =>
        this.#tell(record.id, 'projects', audience, new RecordChange('update', 'projects', record)),
    })
  }

  /** Opens a stream and sends `PB_CONNECT`. While draining, the connection is closed unanswered. */
  connect({ req, res, headers, compress }: ConnectOptions): RealtimeClient | null {
    if (this.#refusing || res.destroyed || res.writableEnded) {
      res.destroy()
      return null
    }
    mergeHeaders(res, headers)
    res.setHeader('Cache-Control', 'no-cache, no-transform')
    let stopPings = () => {}
    let putDown = () => {}
    const client = new RealtimeClient(
      {
        id: `${this.#parts.node.replaceAll('-', '').slice(0, 12)}-${randomBytes(24).toString('base64url')}`,
        turns: this.#turns,
        clock: this.#clock,
        now: this.#parts.now,
        counters: this.#counters,
        ping: this.#ping,
        onDetached: (left) => {
          stopPings()
          putDown()
          this.#forget(left)
        },
      },
      (events) => openSink(req, res, { compress }, events),
    )
    putDown = this.#pipelining.carry(req.socket)
    stopPings = this.#heartbeats.add(client, pingMs)
    this.#clients.set(client.id, client)
    return client
  }

  /** What came behind a stream on its connection ends the connection, and is not to be answered. */
  guardPipelining(req: IncomingMessage): boolean {
    return this.#pipelining.ends(req)
  }

  find(clientId: string): RealtimeClient | undefined {
    return this.#clients.get(clientId)
  }

  /**
   * Replaces what a client follows, as this caller. Fails with `rate_limited` when all clients together
   * follow more than there is room for, and as `agreed` does, which is asked once there is room; nothing
   * has changed then.
   */
  subscribe(
    client: RealtimeClient,
    identity: Identity | null,
    wanted: readonly Subscription[],
    agreed: () => void = () => {},
  ): void {
    const subscriptions = new Map(wanted.map((subscription) => [subscription.text, subscription]))
    // What a guest is never sent need not be kept: who signs in says anew what they follow.
    if (identity === null) {
      for (const [text, { topic }] of subscriptions)
        if (!this.#publicTopics.has(topic)) subscriptions.delete(text)
    }
    const take = this.#budget.offer(client, identity?.principal.user ?? null, subscriptions.values())
    agreed()
    take()
    this.#subscribers.delete(client, audienceOf(client.principal), client.subscriptions.values())
    client.identity = identity
    client.follow(subscriptions)
    this.#subscribers.add(client, audienceOf(identity?.principal ?? null), subscriptions.values())
  }

  /**
   * Sends to all who follow the topic: anybody who is signed in, and guests where it is configured as public.
   * Fails with `invalid_request` when the name is no topic of an application.
   */
  publish(topic: string, data: unknown): void {
    const problem = topicProblem(topic)
    if (problem !== null) {
      throw new MillraceError('invalid_request', `${problem}: ${topic.slice(0, 64)}`, {
        fields: [{ path: 'topic', expected: problem }],
      })
    }
    const message = new Published(data)
    this.#published += 1
    send(this.#subscribers.everybody(topic), message)
  }

  /** Tells what is left to tell, ends every stream, and after `timeoutMs` the connections of those that do not take it. */
  async drain(timeoutMs: number): Promise<void> {
    let callOff = () => {}
    const deadline = new Promise<void>((resolve) => {
      callOff = this.#clock.after(timeoutMs, resolve)
    })
    // A store that does not answer is not to hold up a stop.
    await Promise.race([this.#runChanges.flush().then(() => this.#projectChanges.flush()), deadline])
    this.#refusing = true
    const clients = [...this.#clients.values(), ...this.#leaving]
    for (const client of clients) client.leave()
    await Promise.race([Promise.all(clients.map((client) => client.closed)), deadline])
    callOff()
    for (const client of [...clients, ...this.#clients.values()]) client.destroy()
  }

  close(): void {
    this.#refusing = true
    for (const client of [...this.#clients.values(), ...this.#leaving]) client.destroy()
    this.#heartbeats.close()
    this.#runChanges.close()
    this.#projectChanges.close()
  }

  stats(): RealtimeStats {
    let stalled = 0
    let pendingBytes = 0
    for (const client of this.#clients.values()) {
      if (client.stalledSince !== null) stalled += 1
      pendingBytes += client.pendingBytes
    }
    return {
      clients: this.#clients.size,
      stalled,
      pendingBytes,
      subscriptions: this.#subscribers.count,
      published: this.#published,
      ...this.#counters,
    }
  }

  #forget(client: RealtimeClient): void {
    this.#clients.delete(client.id)
    this.#subscribers.delete(client, audienceOf(client.principal), client.subscriptions.values())
    this.#budget.release(client)
    // Until the last bytes are out it can still hold up a stop.
    this.#leaving.add(client)
    void client.closed.then(() => this.#leaving.delete(client))
  }

  #tellRun(change: RunChange): void {
    const { action, run } = change
    const message = new RecordChange(action, 'runs', run)
    for (const audience of [{ user: null }, { user: run.owner }]) {
      this.#tell(run.id, 'runs', audience, message)
      const { project } = run
      if (project === null) continue
      const followed = ['*', project].some((name) => this.#subscribers.has(`projects/${name}`, audience))
      if (followed) this.#projectChanges.changed(project, audience)
    }
    this.#parts.hooks.tell(change, (reason) => this.#parts.log.error({ reason }, 'a listener of runs failed'))
  }

  #tell(id: string, collection: 'runs' | 'projects', audience: Audience, message: Message): void {
    send(this.#subscribers.of(`${collection}/*`, audience), message)
    send(this.#subscribers.of(`${collection}/${id}`, audience), message)
  }
}

function send(to: Iterable<[RealtimeClient, readonly Subscription[]]>, message: Message): void {
  // A copy: whoever is cut off for it leaves the index.
  for (const [client, subscriptions] of [...to]) {
    for (const subscription of subscriptions) client.send(subscription, message)
  }
}
