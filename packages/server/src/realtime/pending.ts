/**
 * The messages that wait for one client: of each record only the newest state, of published data every
 * message, in the order in which the first of each came.
 *
 * Invariant: it holds at most one message per record and subscription.
 */
import type { Message } from './message.ts'
import type { Subscription } from './subscription.ts'

interface Entry {
  subscription: Subscription
  message: Message
}

/** What an entry costs besides its message. */
const entryBytes = 200

export class Pending {
  readonly #entries = new Map<string, Entry>()
  #numbered = 0
  #bytes = 0

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Returns true when the message replaced an earlier one. */
  add(subscription: Subscription, message: Message): boolean {
    this.#numbered += 1
    const key = message.key === null ? `${this.#numbered}` : `${message.key}\n${subscription.text}`
    const earlier = this.#entries.get(key)
    if (earlier === undefined) {
      this.#entries.set(key, { subscription, message })
      this.#bytes += message.cost + entryBytes
      return false
    }
    const merged = message.after(earlier.message)
    this.#bytes += merged.cost - earlier.message.cost
    earlier.message = merged
    return true
  }

  /** Takes out the oldest messages, as frames, until they exceed `charsMax`: at least one, if there is one. */
  take(
    charsMax: number,
    frame: (subscription: Subscription, message: Message) => string,
  ): { text: string; count: number } {
    let text = ''
    let count = 0
    for (const [key, { subscription, message }] of this.#entries) {
      if (count > 0 && text.length >= charsMax) break
      text += frame(subscription, message)
      count += 1
      this.#entries.delete(key)
      this.#bytes -= message.cost + entryBytes
    }
    return { text, count }
  }

  /** Drops the messages of subscriptions that are not `wanted`. */
  keep(wanted: (subscription: Subscription) => boolean): void {
    for (const [key, { subscription, message }] of this.#entries) {
      if (wanted(subscription)) continue
      this.#entries.delete(key)
      this.#bytes -= message.cost + entryBytes
    }
  }
}
