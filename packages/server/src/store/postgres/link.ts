/**
 * A connection that comes back. Owns the newest connection for one purpose, and the tries to replace one that was lost.
 *
 * Invariants: at most one connection and at most one try at a time; `away` is announced once for each time that it is lost,
 * and ends once for each time that it is back.
 */
import { type Client, close, connect, drop } from './connection.ts'
import { Ended, StoreClosed } from './ended.ts'
import type { ConnectionSettings } from './settings.ts'

export interface LinkOptions {
  settings: ConnectionSettings
  /** Shown by the server among its connections. */
  role: string
  /** Prepares each new connection. When it throws `Ended` the link has ended, else the next try follows. */
  prepare?: (client: Client) => Promise<void>
  /** Called when the link has ended, unless `close` ended it. */
  ended?: (error: Ended) => void
  /** The reason why it is away; null: it is back. */
  away?: (reason: string | null) => void
}

const firstPauseMs = 20
const pauseMsMax = 500

export class Link {
  readonly #options: LinkOptions
  readonly #closing = new AbortController()
  #client: Client | null = null
  #coming: Promise<Client> | null = null
  #isAway = false

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /** The connection, if there is one now. */
  get current(): Client | null {
    return this.#client
  }

  /** Connects for the first time: what goes wrong is thrown. */
  async open(): Promise<Client> {
    this.#client = await this.#connect()
    return this.#client
  }

  /** The connection, once there is one. Rejects when the link is closed, or has ended for good. */
  ready(): Promise<Client> {
    if (this.#closing.signal.aborted) return Promise.reject(new StoreClosed())
    if (this.#client !== null) return Promise.resolve(this.#client)
    return this.#comeBack()
  }

  /** Gives up a connection that answered with an error of its own. */
  lose(client: Client, reason: string): void {
    drop(client)
    if (this.#client === client) this.#lost(reason)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const client = this.#client
    this.#client = null
    if (client !== null) await close(client)
    await this.#coming?.catch(() => {})
  }

  #lost(reason: string): void {
    this.#client = null
    if (this.#closing.signal.aborted) return
    if (!this.#isAway) {
      this.#isAway = true
      this.#options.away?.(reason)
    }
    this.#comeBack().catch(() => {})
  }

  #comeBack(): Promise<Client> {
    this.#coming ??= this.#reconnect().finally(() => {
      this.#coming = null
    })
    return this.#coming
  }

  async #reconnect(): Promise<Client> {
    for (let pause = firstPauseMs; ; pause = Math.min(pauseMsMax, pause * 2)) {
      if (this.#closing.signal.aborted) throw new StoreClosed()
      try {
        const client = await this.#connect()
        if (this.#closing.signal.aborted) {
          await close(client)
          throw new StoreClosed()
        }
        this.#client = client
        this.#isAway = false
        this.#options.away?.(null)
        return client
      } catch (error) {
        if (error instanceof Ended) {
          if (!this.#closing.signal.aborted) this.#options.ended?.(error)
          throw error
        }
        await this.#pause(pause)
      }
    }
  }

  async #connect(): Promise<Client> {
    const { settings, role, prepare } = this.#options
    const client: Client = await connect(settings, role, (reason) => {
      if (this.#client === client) this.#lost(reason)
    })
    try {
      await prepare?.(client)
      return client
    } catch (error) {
      await close(client)
      throw error
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise((done) => {
      const timer = setTimeout(over, ms)
      signal.addEventListener('abort', over)
      function over() {
        clearTimeout(timer)
        signal.removeEventListener('abort', over)
        done()
      }
    })
  }
}
