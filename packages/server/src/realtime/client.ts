/**
 * One connection that follows topics.
 *
 * Owns the messages that still wait for its client. Invariants: nothing is written while the connection
 * is backed up; the backlog is bounded, also when the client stops reading: records are coalesced, and a
 * client that falls further behind than that is cut off, so that it comes back and asks again; nothing
 * is sent once the caller's proof of identity has expired.
 */
import type { Identity } from '#auth/identity'
import type { Principal } from '#auth/principal'
import { textChunk } from '#sse/chunk'
import type { Connection, ConnectionUser } from '#sse/connection'
import { frameText } from '#sse/encode'
import type { FairQueue, TurnTaker } from '#sse/fair-queue'
import type { Clock } from '#time/clock'
import type { Message } from './message.ts'
import { Pending } from './pending.ts'
import type { Subscription } from './subscription.ts'

export interface RealtimeCounters {
  messagesOut: number
  bytesOut: number
  coalesced: number
  overflowed: number
  idled: number
}

export interface ClientOptions {
  id: string
  turns: FairQueue
  clock: Clock
  /** Milliseconds since the epoch, to hold expiries against. */
  now: () => number
  counters: RealtimeCounters
  /** Runs once, when nothing more is sent to it. */
  onDetached: (client: RealtimeClient) => void
}

const batchChars = 64 * 1024
/** Above this, a client that has been stalled for `patienceMs` is cut off. */
export const stalledBytesMax = 256 * 1024
/** Above this, any client is cut off. */
export const pendingBytesMax = 8 * 1024 * 1024
const patienceMs = 1000
/** A connection that follows nothing is ended after this many pings (5 minutes, as PocketBase does). */
const idlePingsMax = 10

export class RealtimeClient implements TurnTaker, ConnectionUser {
  readonly id: string
  identity: Identity | null = null
  subscriptions: ReadonlyMap<string, Subscription> = new Map()
  readonly #options: ClientOptions
  readonly #connection: Connection
  readonly #pending = new Pending()
  #queued = false
  #leaving = false
  #idlePings = 0

  constructor(options: ClientOptions, connect: (user: ConnectionUser) => Connection) {
    this.#options = options
    this.id = options.id
    this.#connection = connect(this)
    this.#write(frameText(this.id, 'PB_CONNECT', JSON.stringify({ clientId: this.id })))
  }

  get principal(): Principal | null {
    return this.identity?.principal ?? null
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  get detached(): boolean {
    return this.#connection.detached
  }

  get closed(): Promise<void> {
    return this.#connection.closed
  }

  get pendingBytes(): number {
    return this.#pending.bytes
  }

  get stalledSince(): number | null {
    return this.#connection.stalledSince
  }

  /** Replaces the whole set. */
  follow(subscriptions: ReadonlyMap<string, Subscription>): void {
    this.subscriptions = subscriptions
    this.#idlePings = 0
    this.#pending.keep(({ text }) => subscriptions.has(text))
  }

  send(subscription: Subscription, message: Message): void {
    if (!this.isOpen || this.#leaving) return
    if (this.#pending.add(subscription, message)) this.#options.counters.coalesced += 1
    if (this.#pending.bytes > stalledBytesMax && this.#tooFarBehind()) {
      this.#options.counters.overflowed += 1
      this.destroy()
    } else this.#queue()
  }

  turn(): void {
    this.#queued = false
    if (!this.isOpen || this.#connection.backedUp) return
    const expiresAt = this.identity?.expiresAt ?? null
    if (expiresAt !== null && expiresAt <= this.#options.now()) {
      this.close()
      return
    }
    const { text, count } = this.#pending.take(batchChars, (subscription, message) =>
      frameText(this.id, subscription.text, message.json(subscription.fields)),
    )
    if (count > 0) {
      this.#options.counters.messagesOut += count
      this.#write(text)
    }
    if (this.#pending.size > 0) this.#queue()
    else if (this.#leaving) this.#connection.finish()
  }

  /** Sends everything that waits, then ends the stream. */
  drain(): void {
    this.#leaving = true
    this.#queue()
  }

  /** Ends the stream at once: cleanly where the client keeps up, else by its connection. */
  close(): void {
    this.#connection.close()
  }

  destroy(): void {
    this.#connection.destroy()
  }

  /** Called by the connection at a ping: a client that follows nothing for long is let go. */
  beat(): void {
    this.#idlePings = this.subscriptions.size > 0 ? 0 : this.#idlePings + 1
    if (this.#idlePings <= idlePingsMax) return
    this.#options.counters.idled += 1
    this.close()
  }

  /** Called by the connection when it takes bytes again. */
  drained(): void {
    this.#queue()
  }

  /** Called by the connection when it takes nothing more. */
  leave(): void {
    this.#pending.keep(() => false)
    this.#options.onDetached(this)
  }

  #queue(): void {
    if (this.#queued || !this.isOpen || this.#connection.backedUp) return
    this.#queued = true
    this.#options.turns.add(this)
  }

  #tooFarBehind(): boolean {
    if (this.#pending.bytes > pendingBytesMax && this.#pending.size > 1) return true
    const since = this.stalledSince
    if (since === null || this.#pending.size < 2) return false
    return this.#options.clock.now() - since > patienceMs
  }

  #write(text: string): void {
    this.#connection.write(textChunk(text))
  }
}
