/**
 * Tells the other nodes what was committed here, and hears what they committed: NOTIFY, each message about many runs. Carries
 * letters besides, on a channel of their own, which older versions do not listen to.
 *
 * A notification is sent after its commit, on a connection of its own that waits for no disk: inside the commit it would hold a
 * lock of the whole database while the disk writes. So it may be lost, with a connection or a node. It is only a hint: a
 * connection that was lost and is back announces a gap, and whoever must not wait looks for itself now and then.
 *
 * A node that is alone sends nothing. One that starts greets the others; who is alive is counted with each renewal.
 *
 * Owns: both connections, and what is waiting to be sent, at most one hint a run. Letters are heard in their order.
 */

import type { Client } from '#store/postgres/connection'
import { Link } from '#store/postgres/link'
import { Listeners } from '#store/postgres/listeners'
import type { Query } from '#store/postgres/reader/query'
import type { ConnectionSettings } from '#store/postgres/settings'
import type { Commit, Letter } from '#store/store'
import { decode, encode, strongest } from './hints.ts'
import { readLetter, sendLetter } from './letters.ts'

/** A payload has less than 8,000 bytes. */
const payloadCharsMax = 7900
/** Hints that wait for a connection; beyond that the others find out by looking. */
const waitingMax = 20_000

export interface SignalsOptions {
  epoch: string
  /** The key of this node's row, and its name. */
  node: number
  id: string
  query: Query
}

/** How nodes hear of each other's commits, and write letters. Whatever carries it, it may be lost. */
export interface Signals {
  readonly heard: Listeners<Commit>
  readonly letters: Listeners<Letter>
  /** Hints may have been lost. */
  readonly gaps: Listeners<void>
  open(): Promise<void>
  /** How many nodes were alive, this one included, at some moment after `askedAt` (of `performance.now()`). */
  counted(alive: number, askedAt: number): void
  /** Sends soon, and never fails. */
  send(commit: Commit): void
  post(to: string | null, text: string): Promise<void>
  /** Somebody here follows the log of the run from here on, or nobody does any longer. */
  follow?(runId: string): void
  unfollow?(runId: string): void
  close(): Promise<void>
}

export class NotifySignals implements Signals {
  readonly #options: SignalsOptions
  readonly #channel: string
  readonly #letterChannel: string
  readonly #sending: Link
  readonly #hearing: Link
  readonly #waiting = new Map<string, Commit>()
  readonly heard = new Listeners<Commit>()
  readonly letters = new Listeners<Letter>()
  readonly gaps = new Listeners<void>()
  #opening: Promise<unknown> = Promise.resolve()
  #busy = false
  #isOpen = false
  /** Nothing is sent while there is nobody to hear it. */
  #hasOthers = false
  /** When another node was last heard: a count that was asked for earlier may not include it. */
  #heardAt = Number.NEGATIVE_INFINITY

  constructor(settings: ConnectionSettings, options: SignalsOptions) {
    this.#options = options
    // Databases of one server share nothing, but schemas of one database do.
    this.#channel = `millrace_${options.epoch.replaceAll('-', '')}`
    this.#letterChannel = `${this.#channel}_letters`
    this.#sending = new Link({
      settings,
      role: 'notifier',
      prepare: async (client) => void (await client.query('SET synchronous_commit = off')),
    })
    this.#hearing = new Link({ settings, role: 'listener', prepare: (client) => this.#listen(client) })
  }

  async open(): Promise<void> {
    await Promise.all([this.#sending.open(), this.#hearing.open()])
    this.#isOpen = true
    // The others may have been alone until now: without hints this greets them.
    const client = await this.#sending.ready()
    await client.query('SELECT pg_notify($1, $2)', [this.#channel, `${this.#options.node}`])
  }

  async post(to: string | null, text: string): Promise<void> {
    if (!this.#hasOthers) return
    try {
      const client = await this.#sending.ready()
      await sendLetter(client, this.#letterChannel, { from: this.#options.id, to, text })
    } catch {
      // Lost with the connection: at most once.
    }
  }

  counted(alive: number, askedAt: number): void {
    this.#hasOthers = alive > 1 || this.#heardAt >= askedAt
  }

  send(commit: Commit): void {
    if (!this.#hasOthers) return
    const waiting = this.#waiting.get(commit.runId)
    const change = waiting === undefined ? commit.change : strongest(waiting.change, commit.change)
    if (waiting === undefined && this.#waiting.size >= waitingMax) return
    this.#waiting.set(commit.runId, { ...commit, change })
    if (this.#busy) return
    this.#busy = true
    setImmediate(() => void this.#sendAll())
  }

  async close(): Promise<void> {
    await Promise.all([this.#sending.close(), this.#hearing.close()])
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      let payload = `${this.#options.node}`
      for (const [runId, commit] of this.#waiting) {
        const hint = ` ${encode(commit)}`
        if (payload.length + hint.length > payloadCharsMax) break
        payload += hint
        this.#waiting.delete(runId)
      }
      try {
        const client = await this.#sending.ready()
        await client.query({
          name: 'notify',
          text: 'SELECT pg_notify($1, $2)',
          values: [this.#channel, payload],
        })
      } catch {
        // Lost, or the store is closed: the others look for themselves.
        if (this.#sending.isClosed) this.#waiting.clear()
      }
    }
    this.#busy = false
  }

  async #listen(client: Client): Promise<void> {
    client.on('notification', ({ channel, payload }) =>
      channel === this.#channel ? this.#hear(payload ?? '') : this.#hearLetter(payload ?? ''),
    )
    await client.query(`LISTEN ${this.#channel}; LISTEN ${this.#letterChannel}`)
    if (this.#isOpen) this.gaps.call()
  }

  #hears(): void {
    this.#hasOthers = true
    this.#heardAt = performance.now()
  }

  #hear(payload: string): void {
    const [node, ...hints] = payload.split(' ')
    if (Number(node) === this.#options.node) return
    this.#hears()
    for (const hint of hints) {
      const commit = decode(hint)
      if (commit !== null) this.heard.call(commit)
    }
  }

  #hearLetter(payload: string): void {
    const { id, query } = this.#options
    // Read at once, opened in turn: a long one does not fall behind the short ones after it.
    const read = readLetter(payload, id, query)
    if (read === null) return
    // It may fail before its turn comes.
    if (read instanceof Promise) read.catch(() => {})
    this.#hears()
    this.#opening = this.#opening
      .then(() => read)
      .then((letter) => {
        if (letter !== null) this.letters.call(letter)
      })
      .catch(() => {})
  }
}
