/**
 * The connections for topics of this node.
 *
 * Owns every open client, those whose last bytes are still on the way, and the timer of their pings;
 * `close()` releases them all. An id names one client, and begins with a piece of the node's name.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { textChunk } from '#sse/chunk'
import type { ConnectionParts } from '#sse/connection'
import { commentText } from '#sse/encode'
import { FairQueue } from '#sse/fair-queue'
import { eventStreamType, mergeHeaders } from '#sse/headers'
import { Heartbeats } from '#sse/heartbeats'
import { openStream } from '#sse/open'
import type { Clock } from '#time/clock'
import { RealtimeClient, type RealtimeCounters } from './client.ts'
import { nodePrefix } from './elsewhere.ts'

export interface ConnectOptions {
  req: IncomingMessage
  res: ServerResponse
  /** Set by plugins (CORS, security headers …). */
  headers: OutgoingHttpHeaders
  /** Compress for clients that accept gzip. */
  compress: boolean
  /** The connection is of a server of our own (see `StreamHead`). */
  ownConnection?: boolean
}

export interface ClientsParts {
  /** Name of this node. */
  node: string
  clock: Clock
  /** Milliseconds since the epoch. */
  now: () => number
  /** Runs once per client, when nothing more is sent to it. */
  onDetached: (client: RealtimeClient) => void
}

export interface ClientStats extends RealtimeCounters {
  clients: number
  stalled: number
  pendingBytes: number
}

const ping = { intervalMs: 30_000, chunk: textChunk(commentText('ping')) }

export class Clients {
  readonly #parts: ClientsParts
  readonly #open = new Map<string, RealtimeClient>()
  readonly #leaving = new Set<RealtimeClient>()
  readonly #turns = new FairQueue()
  readonly #counters = { messagesOut: 0, bytesOut: 0, coalesced: 0, overflowed: 0, idled: 0 }
  readonly #connections: ConnectionParts
  readonly #idPrefix: string
  #refusing = false

  constructor(parts: ClientsParts) {
    const { clock, node } = parts
    this.#parts = parts
    this.#connections = { clock, heartbeats: new Heartbeats(clock), counters: this.#counters }
    this.#idPrefix = nodePrefix(node)
  }

  find(clientId: string): RealtimeClient | undefined {
    return this.#open.get(clientId)
  }

  /** Opens a stream and sends `PB_CONNECT`. While draining, the connection is closed unanswered. */
  connect({ req, res, headers, compress, ownConnection = false }: ConnectOptions): RealtimeClient | null {
    if (this.#refusing || res.destroyed || res.writableEnded) {
      res.destroy()
      return null
    }
    mergeHeaders(res, headers)
    res.setHeader('Cache-Control', 'no-cache, no-transform')
    const client = new RealtimeClient(
      {
        id: `${this.#idPrefix}-${randomBytes(24).toString('base64url')}`,
        turns: this.#turns,
        clock: this.#parts.clock,
        now: this.#parts.now,
        counters: this.#counters,
        onDetached: (left) => this.#detached(left),
      },
      (user) =>
        openStream(user, this.#connections, {
          req,
          res,
          contentType: eventStreamType,
          compress,
          ownConnection,
          heartbeat: ping,
        }),
    )
    this.#open.set(client.id, client)
    return client
  }

  /** Refuses new clients, sends everything that waits and ends every stream; resolves when all are over. */
  async drain(): Promise<void> {
    this.#refusing = true
    const all = this.#all()
    for (const client of all) client.drain()
    await Promise.all(all.map((client) => client.closed))
  }

  /** Ends everything at once. */
  destroy(): void {
    for (const client of this.#all()) client.destroy()
  }

  close(): void {
    this.#refusing = true
    this.destroy()
    this.#connections.heartbeats.close()
  }

  stats(): ClientStats {
    let stalled = 0
    let pendingBytes = 0
    for (const client of this.#open.values()) {
      if (client.stalledSince !== null) stalled += 1
      pendingBytes += client.pendingBytes
    }
    return { clients: this.#open.size, stalled, pendingBytes, ...this.#counters }
  }

  #all(): RealtimeClient[] {
    return [...this.#open.values(), ...this.#leaving]
  }

  #detached(client: RealtimeClient): void {
    this.#open.delete(client.id)
    this.#parts.onDetached(client)
    // Until the last bytes are out it can still hold up a stop.
    this.#leaving.add(client)
    void client.closed.then(() => this.#leaving.delete(client))
  }
}
