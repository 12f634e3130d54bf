/**
 * For applications that keep their own realtime connections: a register of clients, and one call for each
 * thing that can be sent to one (docs/embedding.md).
 *
 * Owns the map of clients. Sending to an unknown client is a no-op. A client whose connection fails, or
 * whose connection buffers too much because it does not read, is forgotten; a forgotten client is closed,
 * so that it notices and reconnects.
 */
import { commentText, fieldText } from '#sse/encode'

/** What the manager needs of a connection; a Node response nearly has it. */
export interface RealtimeConnection {
  write(text: string): unknown
  /** Called after each write, for layers such as compression that hold bytes back. */
  flush?: () => unknown
  close(): unknown
  /** The bytes that it buffers for its client, if it knows, as a Node response does. */
  readonly writableLength?: number
}

export interface SSEMessage {
  id?: string | number
  event?: string
  /** A string is sent as it is, one `data:` for each line; other values as one line of JSON (`undefined` as `null`). */
  data: unknown
}

/** Formats one frame. CR, LF and NUL in `id` and `event`, which would end their field, are removed. */
export function formatSSEMessage({ id, event, data }: SSEMessage): string {
  const text = typeof data === 'string' ? data : (JSON.stringify(data) ?? 'null')
  const fields = [
    ...(id === undefined ? [] : [`id: ${fieldText(String(id))}`]),
    ...(event === undefined ? [] : [`event: ${fieldText(event)}`]),
    ...text.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ]
  return `${fields.join('\n')}\n\n`
}

/** Formats a comment: each line of the text becomes a comment line. */
export function formatSSEComment(text: string): string {
  return commentText(text)
}

interface Client {
  connection: RealtimeConnection
  lastActivity: number
}

export interface RealtimeManagerOptions {
  /** `removeInactive()` closes clients that have been inactive for this long; default 5 minutes. */
  inactiveMs?: number
  /** A client whose connection buffers more than this after a write is closed; default 1 MiB. */
  maxBufferedBytes?: number
  now?: () => number
}

export class RealtimeManager {
  readonly #clients = new Map<string, Client>()
  readonly #inactiveMs: number
  readonly #maxBufferedBytes: number
  readonly #now: () => number

  constructor({
    inactiveMs = 5 * 60_000,
    maxBufferedBytes = 1024 * 1024,
    now = Date.now,
  }: RealtimeManagerOptions = {}) {
    this.#inactiveMs = inactiveMs
    this.#maxBufferedBytes = maxBufferedBytes
    this.#now = now
  }

  /** Sends nothing: call `sendEvent(id, 'PB_CONNECT', {clientId: id})` next. An earlier client of this id is closed. */
  registerClient(id: string, connection: RealtimeConnection): void {
    this.removeClient(id)
    this.#clients.set(id, { connection, lastActivity: this.#now() })
  }

  /** Removes the client and closes its connection. False if there was none. */
  removeClient(id: string): boolean {
    const client = this.#clients.get(id)
    if (client === undefined) return false
    this.#clients.delete(id)
    settle(() => client.connection.close())
    return true
  }

  /** Records a sign of life. False if there is no such client. */
  updateActivity(id: string): boolean {
    const client = this.#clients.get(id)
    if (client !== undefined) client.lastActivity = this.#now()
    return client !== undefined
  }

  /** Closes the inactive clients and returns their ids. */
  removeInactive(): string[] {
    const before = this.#now() - this.#inactiveMs
    const gone = [...this.#clients].filter(([, { lastActivity }]) => lastActivity <= before).map(([id]) => id)
    for (const id of gone) this.removeClient(id)
    return gone
  }

  /** False if there is no such client, or no longer. Throws what `JSON.stringify` throws. */
  sendEvent(id: string, event: string, data: unknown): boolean {
    return this.#write(id, formatSSEMessage({ id, event, data }))
  }

  sendComment(id: string, text: string): boolean {
    return this.#write(id, formatSSEComment(text))
  }

  getAllClientIds(): string[] {
    return [...this.#clients.keys()]
  }

  #write(id: string, text: string): boolean {
    const client = this.#clients.get(id)
    if (client === undefined) return false
    const gone = () => {
      if (this.#clients.get(id) === client) this.removeClient(id)
    }
    const { connection } = client
    const sent = settle(() => connection.write(text), gone) && settle(() => connection.flush?.(), gone)
    if (!sent || (connection.writableLength ?? 0) <= this.#maxBufferedBytes) return sent
    gone()
    return false
  }
}

/** Connections belong to the application: they may throw, and may reject. */
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

/** The instance that an application shares between its routes. */
export const realtimeManager = new RealtimeManager()
