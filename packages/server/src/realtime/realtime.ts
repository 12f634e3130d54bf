/**
 * Topics: which clients follow which, and what they are sent.
 *
 * Owns the clients, the index of their subscriptions, and the pace at which changes of runs are sent;
 * `close()` releases them all. Nothing here is a truth: records are read from the store each time.
 * Invariants: a record goes only to those who may see it, judged when it is sent; a client that is
 * forgotten has its stream ended; what subscriptions cost is bounded, per user and in total.
 */
import { MillraceError } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Identity } from '#auth/identity'
import type { CommitFeed, RunStore } from '#store/store'
import { type Clock, monotonicClock } from '#time/clock'
import { deadlineAfter } from '#time/deadline'
import type { RealtimeClient } from './client.ts'
import { type ClientStats, Clients, type ConnectOptions } from './clients.ts'
import type { Elsewhere } from './elsewhere.ts'
import type { RunHooks } from './hooks.ts'
import { type Message, Published, RecordChange } from './message.ts'
import { type Audience, ProjectChanges } from './project-changes.ts'
import { type RunChange, RunChanges } from './run-changes.ts'
import { audienceOf, Subscribers } from './subscribers.ts'
import { type Subscription, topicProblem } from './subscription.ts'
import { SubscriptionBudget } from './subscription-budget.ts'

export interface RealtimeParts {
  store: Pick<RunStore, 'getRun' | 'listRuns'> & CommitFeed
  /** Topics that guests may follow. */
  publicTopics: readonly string[]
  hooks: RunHooks
  /** Name of this node; a client's id begins with a piece of it. */
  node: string
  now: () => number
  log: Logger
  clock?: Clock
  /** Null or absent: this node is alone. */
  elsewhere?: Elsewhere | null
}

export interface RealtimeStats extends ClientStats {
  subscriptions: number
  published: number
}

const changeIntervalMs = 250
const changeRetryMs = 5000

export class Realtime {
  readonly #parts: RealtimeParts
  readonly #clock: Clock
  readonly #clients: Clients
  readonly #subscribers = new Subscribers<RealtimeClient>()
  readonly #budget = new SubscriptionBudget<RealtimeClient>()
  readonly #publicTopics: ReadonlySet<string>
  readonly #runChanges: RunChanges
  readonly #projectChanges: ProjectChanges
  #published = 0

  constructor(parts: RealtimeParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? monotonicClock
    this.#publicTopics = new Set(parts.publicTopics)
    this.#clients = new Clients({
      node: parts.node,
      clock: this.#clock,
      now: parts.now,
      onDetached: (client) => this.#forget(client),
    })
    const pace = {
      store: parts.store,
      clock: this.#clock,
      intervalMs: changeIntervalMs,
      retryMs: changeRetryMs,
      onFailure: (error: unknown) => parts.log.warn({ err: error }, 'a change could not be read yet'),
    }
    this.#runChanges = new RunChanges({
      ...pace,
      deletedHere: (run) => parts.elsewhere?.tellDeleted(run),
      wanted: () => this.#subscribers.followsRecords || parts.hooks.wanted,
      send: (change) => this.#sendRun(change),
    })
    this.#projectChanges = new ProjectChanges({
      ...pace,
      send: (audience, record) =>
        this.#send(record.id, 'projects', audience, new RecordChange('update', 'projects', record)),
    })
    parts.elsewhere?.listen({
      published: (topic, data) => send(this.#subscribers.everybody(topic), new Published(data)),
      deleted: (run) => this.#runChanges.deletedElsewhere(run),
    })
  }

  /** Opens a stream and sends `PB_CONNECT`. While draining, the connection is closed unanswered. */
  connect(options: ConnectOptions): RealtimeClient | null {
    return this.#clients.connect(options)
  }

  find(clientId: string): RealtimeClient | undefined {
    return this.#clients.find(clientId)
  }

  /**
   * Replaces what a client follows, as this caller. Calls `agreed` once there is room for it. Fails with
   * `rate_limited` when all clients together follow more than there is room for, and as `agreed` does;
   * nothing has changed then.
   */
  subscribe(
    client: RealtimeClient,
    identity: Identity | null,
    wanted: readonly Subscription[],
    agreed: () => void = () => {},
  ): void {
    const subscriptions = new Map(wanted.map((subscription) => [subscription.text, subscription]))
    // Topics that a guest is never sent need not be kept: a client subscribes again when it signs in.
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
   * Sends to every client that follows the topic, at any node: signed-in ones, and guests where it is configured as
   * public. Fails with `invalid_request` when an application may not publish under this name.
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
    this.#parts.elsewhere?.publish(topic, data)
  }

  /**
   * Sends the changes that are still due, ends every stream, and after `timeoutMs` ends the connections
   * of clients that did not take it.
   */
  async drain(timeoutMs: number): Promise<void> {
    const deadline = deadlineAfter(this.#clock, timeoutMs)
    // A store that does not answer must not hold up a stop.
    await Promise.race([this.#runChanges.flush().then(() => this.#projectChanges.flush()), deadline.passed])
    await Promise.race([this.#clients.drain(), deadline.passed])
    deadline.callOff()
    this.#clients.destroy()
  }

  close(): void {
    this.#clients.close()
    this.#runChanges.close()
    this.#projectChanges.close()
  }

  stats(): RealtimeStats {
    return {
      ...this.#clients.stats(),
      subscriptions: this.#subscribers.count,
      published: this.#published,
    }
  }

  #forget(client: RealtimeClient): void {
    this.#subscribers.delete(client, audienceOf(client.principal), client.subscriptions.values())
    this.#budget.release(client)
  }

  #sendRun(change: RunChange): void {
    const { action, run } = change
    const message = new RecordChange(action, 'runs', run)
    for (const audience of [{ user: null }, { user: run.owner }]) {
      this.#send(run.id, 'runs', audience, message)
      const { project } = run
      if (project === null) continue
      const followed = ['*', project].some((name) => this.#subscribers.has(`projects/${name}`, audience))
      if (followed) this.#projectChanges.changed(project, audience)
    }
    if (!change.here) return
    this.#parts.hooks.call(change, (reason) => this.#parts.log.error({ reason }, 'a listener of runs failed'))
  }

  #send(id: string, collection: 'runs' | 'projects', audience: Audience, message: Message): void {
    send(this.#subscribers.of(`${collection}/*`, audience), message)
    send(this.#subscribers.of(`${collection}/${id}`, audience), message)
  }
}

function send(to: Iterable<[RealtimeClient, readonly Subscription[]]>, message: Message): void {
  // A copy: a client that is cut off while it is sent to leaves the index.
  for (const [client, subscriptions] of [...to]) {
    for (const subscription of subscriptions) client.send(subscription, message)
  }
}
