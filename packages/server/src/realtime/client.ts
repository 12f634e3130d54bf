/**
 * One connection that follows topics.
 *
 * Owns its sink and what it is still to be sent. Invariants: nothing is written while the sink is backed
 * up; what waits is bounded, also when the client stops reading: records are coalesced, and a client
 * that falls further behind than that is cut off, so that it comes back and asks anew; nobody is sent
 * anything once the proof of who they are has expired.
 */
import type { Identity } from '#auth/identity'
import type { Principal } from '#auth/principal'
import { type Chunk, textChunk } from '#sse/chunk'
import { frameText } from '#sse/encode'
import type { Sink, SinkEvents } from '#sse/sink'
import type { Turns, TurnTaker } from '#sse/turns'
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
  turns: Turns
  clock: Clock
  /** Milliseconds since the epoch, to hold expiries against. */
  now: () => number
  counters: RealtimeCounters
  ping: Chunk
  /** Runs once, when nothing more is sent to it. */
  onDetached: (client: RealtimeClient) => void
}

const batchChars = 64 * 1024
/** A client that has been stalled for a while is cut off above the first, any client above the second. */
export const softLimit = 256 * 1024
export const hardLimit = 8 * 1024 * 1024
const patienceMs = 1000
/** A connection that follows nothing is ended after so many pings (5 minutes, as PocketBase does). */
const idlePings = 10

export class RealtimeClient implements TurnTaker {
  readonly id: string
  readonly closed: Promise<void>
  identity: Identity | null = null
  subscriptions: ReadonlyMap<string, Subscription> = new Map()
  readonly #options: ClientOptions
  readonly #sink: Sink
  readonly #pending = new Pending()
  #phase: 'open' | 'ending' | 'closed' = 'open'
  #queued = false
  #leaving = false
  #idlePings = 0
  #stalledSince: number | null = null
  #resolveClosed: () => void = () => {}

  constructor(options: ClientOptions, openSink: (events: SinkEvents) => Sink) {
    this.#options = options
    this.id = options.id
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#sink = openSink({ drained: () => this.#drained(), closed: () => this.#closed() })
    this.#write(frameText(this.id, 'PB_CONNECT', JSON.stringify({ clientId: this.id })))
  }

  get principal(): Principal | null {
    return this.identity?.principal ?? null
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  get pendingBytes(): number {
    return this.#pending.bytes
  }

  get stalledSince(): number | null {
    return this.#stalledSince
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
    if (this.#pending.bytes > softLimit && this.#tooFarBehind()) {
      this.#options.counters.overflowed += 1
      this.destroy()
    } else this.#queue()
  }

  beat(): void {
    if (!this.isOpen) return
    this.#idlePings = this.subscriptions.size > 0 ? 0 : this.#idlePings + 1
    if (this.#idlePings > idlePings) {
      this.#options.counters.idled += 1
      this.close()
    } else if (!this.#sink.backedUp) this.#put(this.#options.ping)
  }

  turn(): void {
    this.#queued = false
    if (!this.isOpen || this.#sink.backedUp) return
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
    else if (this.#leaving) this.#finish()
  }

  /** Sends what waits, then ends the stream. */
  leave(): void {
    this.#leaving = true
    this.#queue()
  }

  /** Ends the stream at once: cleanly where the client keeps up, else by its connection. */
  close(): void {
    if (this.#sink.backedUp) this.destroy()
    else this.#finish()
  }

  destroy(): void {
    if (this.#phase === 'closed') return
    this.#detach()
    this.#sink.destroy()
    this.#closed()
  }

  #finish(): void {
    if (!this.isOpen) return
    this.#detach()
    this.#sink.end()
  }

  #queue(): void {
    if (this.#queued || !this.isOpen || this.#sink.backedUp) return
    this.#queued = true
    this.#options.turns.add(this)
  }

  #tooFarBehind(): boolean {
    if (this.#pending.bytes > hardLimit && this.#pending.size > 1) return true
    const since = this.#stalledSince
    if (since === null || this.#pending.size < 2) return false
    return this.#options.clock.now() - since > patienceMs
  }

  #write(text: string): void {
    this.#put(textChunk(text))
  }

  #put(chunk: Chunk): void {
    this.#options.counters.bytesOut += chunk.length
    this.#sink.write(chunk)
    if (this.#sink.backedUp) this.#stalledSince ??= this.#options.clock.now()
  }

  #drained(): void {
    this.#stalledSince = null
    this.#queue()
  }

  #detach(): void {
    if (!this.isOpen) return
    this.#phase = 'ending'
    this.#pending.keep(() => false)
    this.#options.onDetached(this)
  }

  #closed(): void {
    this.#detach()
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#stalledSince = null
    this.#resolveClosed()
  }
}
