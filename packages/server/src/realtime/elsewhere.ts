/**
 * Topics over several nodes: what is published at one reaches the clients of all, and a client's subscriptions may be
 * set at any node.
 *
 * Owns nothing. A client belongs to the node that its stream is open at, which its id names; the others pass on what they are
 * asked to do for it.
 */
import type { Run } from '@millrace/protocol'
import type { Identity } from '#auth/identity'
import { readSubscription, type Subscription } from './subscription.ts'

/** Letters between nodes; see `nodes/post.ts`. */
export interface RealtimePost {
  on(topic: string, listener: (data: unknown) => unknown): void
  tell(topic: string, data: unknown): void
  ask(node: string, topic: string, data: unknown): Promise<unknown>
}

export interface ElsewhereParts {
  post: RealtimePost
  /** Names of the nodes that are alive. */
  nodes: () => Promise<readonly { id: string }[]>
}

export interface ElsewhereHandlers {
  published(topic: string, data: unknown): void
  /** Deleted at another node: there is nothing to read. */
  deleted(run: Run): void
}

/** Sets what a client of this node follows; fails with `not_found` when there is none of this id. */
export type SubscribeHere = (
  clientId: string,
  identity: Identity | null,
  subscriptions: readonly Subscription[],
) => void

interface Subscribing {
  clientId: string
  identity: Identity | null
  topics: string[]
}

const topics = { published: 'published', deleted: 'run deleted', subscribing: 'subscribing' }

export class Elsewhere {
  readonly #parts: ElsewhereParts

  constructor(parts: ElsewhereParts) {
    this.#parts = parts
  }

  listen({ published, deleted }: ElsewhereHandlers): void {
    const { post } = this.#parts
    post.on(topics.published, (data) => {
      const { topic, message } = data as { topic: string; message: unknown }
      published(topic, message)
    })
    post.on(topics.deleted, (data) => deleted(data as Run))
  }

  publish(topic: string, message: unknown): void {
    this.#parts.post.tell(topics.published, { topic, message: message ?? null })
  }

  tellDeleted(run: Run): void {
    this.#parts.post.tell(topics.deleted, run)
  }

  /** What this node does for clients of its own when another asks. */
  onSubscribe(subscribe: SubscribeHere): void {
    this.#parts.post.on(topics.subscribing, (data) => {
      const { clientId, identity, topics: texts } = data as Subscribing
      subscribe(clientId, identity, texts.map(readSubscription))
    })
  }

  /** Passes a subscription to the node of the client. False: the id names no other node. Fails as that node does. */
  async subscribe(
    clientId: string,
    identity: Identity | null,
    subscriptions: readonly Subscription[],
  ): Promise<boolean> {
    const prefix = /^([0-9a-f]{12})-/.exec(clientId)?.[1]
    if (prefix === undefined) return false
    const node = (await this.#parts.nodes()).find(({ id }) => nodePrefix(id) === prefix)
    if (node === undefined) return false
    const asked: Subscribing = { clientId, identity, topics: subscriptions.map(({ text }) => text) }
    await this.#parts.post.ask(node.id, topics.subscribing, asked)
    return true
  }
}

/** The piece of a node's name with which the ids of its clients begin. */
export function nodePrefix(node: string): string {
  return node.replaceAll('-', '').slice(0, 12)
}
