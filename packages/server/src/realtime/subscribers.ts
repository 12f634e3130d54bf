/**
 * The index of subscriptions: a change finds the clients it is for without examining any other.
 *
 * Owns the index, kept by audience and topic: a change of Anna's run looks at the admins and at Anna,
 * however many others follow `runs/*`.
 */
import type { Principal } from '#auth/principal'
import type { Audience } from './project-changes.ts'
import type { Subscription } from './subscription.ts'

/** Returns the audience of a caller; a null principal is a guest. */
export function audienceOf(principal: Principal | null): Audience | 'guests' {
  if (principal === null) return 'guests'
  return { user: principal.admin ? null : principal.user }
}

export class Subscribers<Client> {
  /** Audience → topic → client → its subscriptions to the topic. */
  readonly #audiences = new Map<string, Map<string, Map<Client, Subscription[]>>>()
  #ofRecords = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Whether any client follows records. */
  get followsRecords(): boolean {
    return this.#ofRecords > 0
  }

  add(client: Client, audience: Audience | 'guests', subscriptions: Iterable<Subscription>): void {
    const name = nameOf(audience)
    const topics = this.#audiences.get(name) ?? new Map<string, Map<Client, Subscription[]>>()
    for (const subscription of subscriptions) {
      const clients = topics.get(subscription.topic) ?? new Map<Client, Subscription[]>()
      const list = clients.get(client)
      if (list === undefined) clients.set(client, [subscription])
      else list.push(subscription)
      topics.set(subscription.topic, clients)
      this.#count += 1
      if (subscription.ofRecords) this.#ofRecords += 1
    }
    if (topics.size > 0) this.#audiences.set(name, topics)
  }

  /** Takes the same arguments as `add` did. */
  delete(client: Client, audience: Audience | 'guests', subscriptions: Iterable<Subscription>): void {
    const name = nameOf(audience)
    const topics = this.#audiences.get(name)
    if (topics === undefined) return
    for (const { topic, ofRecords } of subscriptions) {
      const clients = topics.get(topic)
      clients?.delete(client)
      if (clients?.size === 0) topics.delete(topic)
      this.#count -= 1
      if (ofRecords) this.#ofRecords -= 1
    }
    if (topics.size === 0) this.#audiences.delete(name)
  }

  has(topic: string, audience: Audience): boolean {
    return this.#audiences.get(nameOf(audience))?.has(topic) ?? false
  }

  *of(topic: string, audience: Audience): Iterable<[Client, readonly Subscription[]]> {
    yield* this.#audiences.get(nameOf(audience))?.get(topic) ?? []
  }

  /** Clients of every audience. */
  *everybody(topic: string): Iterable<[Client, readonly Subscription[]]> {
    for (const topics of this.#audiences.values()) yield* topics.get(topic) ?? []
  }
}

function nameOf(audience: Audience | 'guests'): string {
  if (audience === 'guests') return 'guests'
  return audience.user === null ? 'admins' : `user ${audience.user}`
}
