/**
 * Bounds the memory of subscriptions. A client may have a thousand of 2,500 characters each; ten thousand
 * such clients would take 25 GB.
 *
 * Owns the count of what clients hold. Invariants: all together hold no more than the limit, and one user,
 * or all guests together, no more than half of it.
 */
import { MillraceError } from '@millrace/protocol'
import type { Subscription } from './subscription.ts'

const heldBytesMax = 64 * 1024 * 1024
/** What a subscription costs besides its text. */
const entryBytes = 300

export class SubscriptionBudget<Client> {
  readonly #held = new Map<Client, { user: string | null; bytes: number }>()
  readonly #ofUser = new Map<string | null, number>()
  readonly #limitBytes: number
  #total = 0

  constructor(limitBytes = heldBytesMax) {
    this.#limitBytes = limitBytes
  }

  /**
   * Checks that there is room for these in place of what the client holds. Returns what takes them, to be
   * called at once. Fails with `rate_limited`.
   */
  offer(client: Client, user: string | null, subscriptions: Iterable<Subscription>): () => void {
    let bytes = 0
    // The text and the topic in it; the index and the map name them without copying.
    for (const { text } of subscriptions) bytes += text.length * 2 + entryBytes
    const before = this.#held.get(client)
    const ofUser = (this.#ofUser.get(user) ?? 0) - (before?.user === user ? before.bytes : 0)
    const total = this.#total - (before?.bytes ?? 0)
    if (total + bytes > this.#limitBytes || ofUser + bytes > this.#limitBytes / 2) {
      throw new MillraceError('rate_limited', 'Too many subscriptions are held', { retryAfter: 30 })
    }
    return () => this.#take(client, user, bytes)
  }

  release(client: Client): void {
    const held = this.#held.get(client)
    if (held === undefined) return
    this.#held.delete(client)
    this.#total -= held.bytes
    const left = (this.#ofUser.get(held.user) ?? 0) - held.bytes
    if (left > 0) this.#ofUser.set(held.user, left)
    else this.#ofUser.delete(held.user)
  }

  #take(client: Client, user: string | null, bytes: number): void {
    this.release(client)
    if (bytes === 0) return
    this.#held.set(client, { user, bytes })
    this.#ofUser.set(user, (this.#ofUser.get(user) ?? 0) + bytes)
    this.#total += bytes
  }
}
