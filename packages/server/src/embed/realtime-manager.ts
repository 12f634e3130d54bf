/**
 * For applications that keep their own realtime connections: a register of clients, and one call for
 * each thing that is sent to one (contract section 5).
 *
 * Owns the map of clients. Everything sent to a client that is not there is a no-op; one whose connection
 * fails, or that holds too much for a client that does not read, is forgotten, and a client that is forgotten
 * is closed, so that it notices and comes back.
 */
import { commentText, fieldText } from '#sse/encode'

/** What is asked of a connection; a Node response nearly has it. */
export interface RealtimeConnection {
  write(text: string): unknown
  /** Called after each write, where something in between (compression) holds bytes back. */
  flush?: () => unknown
  close(): unknown
  /** What it holds that its client has not taken, in bytes, where it knows, as a Node response does. */
  readonly writableLength?: number
}

export interface SSEMessage {
  id?: string | number
  event?: string
  /** A text goes as it is, one `data:` a line; anything else as one line of JSON (`undefined` as `null`). */
  data: unknown
}

/** One frame. CR, LF and NUL in `id` and `event`, which would end their field, are left out. */
export function formatSSEMessage({ id, event, data }: SSEMessage): string {
  const text = typeof data === 'string' ? data : (JSON.stringify(data) ?? 'null')
  const fields = [
    ...(id === undefined ? [] : [`id: ${fieldText(String(id))}`]),
    ...(event === undefined ? [] : [`event: ${fieldText(event)}`]),
    ...text.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ]
  return `${fields.join('\n')}\n\n`
}

/** Each line of the text becomes a comment line of its own. */
export function formatSSEComment(text: string): string {
  return commentText(text)
}

interface Client {
  connection: RealtimeConnection
  lastActivity: number
}

export interface RealtimeManagerOptions {
  /** Clients without activity for so long are closed at the next `removeInactive()`; default 5 minutes. */
  inactiveMs?: number
  /** A client whose connection holds more than this after a write is closed; default 1 MiB. */
  maxBufferedBytes?: number
  now?: () => number
}

export class RealtimeManager {
  private readonly clients = new Map<string, Client>()
  private readonly inactiveMs: number
  private readonly maxBufferedBytes: number
  private readonly now: () => number

  constructor({
    inactiveMs = 5 * 60_000,
    maxBufferedBytes = 1024 * 1024,
    now = Date.now,
  }: RealtimeManagerOptions = {}) {
    this.inactiveMs = inactiveMs
    this.maxBufferedBytes = maxBufferedBytes
    this.now = now
  }

  /** Sends nothing by itself: `sendEvent(id, 'PB_CONNECT', {clientId: id})` does. An earlier client of the id is closed. */
  registerClient(id: string, connection: RealtimeConnection): void {
    this.removeClient(id)
    this.clients.set(id, { connection, lastActivity: this.now() })
  }

  /** Closes its connection too. False when there was none. */
  removeClient(id: string): boolean {
    const client = this.clients.get(id)
    if (client === undefined) return false
    this.clients.delete(id)
    settle(() => client.connection.close())
    return true
  }

  /** The client has shown a sign of life. False when there is none. */
  updateActivity(id: string): boolean {
    const client = this.clients.get(id)
    if (client !== undefined) client.lastActivity = this.now()
    return client !== undefined
  }

  /** Closes clients that showed no sign of life; their ids. */
  removeInactive(): string[] {
    const before = this.now() - this.inactiveMs
    const gone = [...this.clients].filter(([, { lastActivity }]) => lastActivity <= before).map(([id]) => id)
    for (const id of gone) this.removeClient(id)
    return gone
  }

  /** False when there is no such client (any more). Throws what `JSON.stringify` throws. */
  sendEvent(id: string, event: string, data: unknown): boolean {
    return this.write(id, formatSSEMessage({ id, event, data }))
  }

  sendComment(id: string, text: string): boolean {
    return this.write(id, formatSSEComment(text))
  }

  getAllClientIds(): string[] {
    return [...this.clients.keys()]
  }

  private write(id: string, text: string): boolean {
    const client = this.clients.get(id)
    if (client === undefined) return false
    const gone = () => {
      if (this.clients.get(id) === client) this.removeClient(id)
    }
    const { connection } = client
    const sent = settle(() => connection.write(text), gone) && settle(() => connection.flush?.(), gone)
    if (!sent || (connection.writableLength ?? 0) <= this.maxBufferedBytes) return sent
    gone()
    return false
  }
}

/** Connections are somebody else's: they may throw, and may reject. */
function settle(call: () => unknown, failed: () => void = () => {}): boolean {
  try {
    const result = call()
    if (result instanceof Promise) result.catch(failed)
    return true
  } catch {
    failed()
    return false
  }
}

/** The one an application shares between its routes. */
export const realtimeManager = new RealtimeManager()
