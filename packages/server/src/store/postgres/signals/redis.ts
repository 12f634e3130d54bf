/**
 * Tells the other nodes what was committed here, and carries letters, over Redis or Valkey: for many nodes, each of which
 * would otherwise hear of every append.
 *
 * The hint of a plain append is published on a channel of its run, to which only its followers' nodes listen, and once a second
 * to all, many runs in one message. Everything else about a run is published to all at once. Nothing is kept in Redis, and nothing waits for it: while
 * it is away, hints are lost, and whoever must not wait looks into the database each second, as it does anyway.
 *
 * Owns: both connections, which come back by themselves, the hints of appends that were not sent to all yet, and which runs are
 * listened to.
 */
import { createClient } from '@redis/client'
import { Listeners } from '#store/postgres/listeners'
import type { Commit, Letter } from '#store/store'
import { decode, encode } from './hints.ts'
import type { Signals, SignalsOptions } from './notify.ts'

/** A message to all: about 20 kB. */
const hintsMax = 400
const toAllMs = 1000
const reconnectMsMax = 1000

type Client = ReturnType<typeof createClient>

export class RedisSignals implements Signals {
  readonly heard = new Listeners<Commit>()
  readonly letters = new Listeners<Letter>()
  readonly gaps = new Listeners<void>()
  readonly #options: SignalsOptions
  readonly #prefix: string
  readonly #sending: Client
  readonly #hearing: Client
  readonly #appended = new Map<string, Commit>()
  readonly #followed = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #hasOthers = false
  #wasReady = false
  #closed = false

  constructor(url: string, options: SignalsOptions) {
    this.#options = options
    this.#prefix = `millrace:${options.epoch}`
    const settings = {
      url,
      // A hint that cannot be sent now is old news later.
      disableOfflineQueue: true,
      socket: {
        reconnectStrategy: (tries: number) => Math.min(reconnectMsMax, 50 * 2 ** Math.min(tries, 5)),
      },
    }
    this.#sending = createClient(settings)
    this.#hearing = createClient(settings)
    for (const client of [this.#sending, this.#hearing]) client.on('error', () => {})
    this.#hearing.on('ready', () => {
      if (this.#wasReady) this.gaps.call()
      this.#wasReady = true
    })
  }

  /** Does not wait for a Redis that is away: it is used once it is there. */
  async open(): Promise<void> {
    void this.#sending.connect().catch(() => {})
    void this.#listen().catch(() => {})
    this.#timer = setInterval(() => this.#tellAppends(), toAllMs)
    this.#timer.unref()
  }

  counted(alive: number): void {
    this.#hasOthers = alive > 1
  }

  send(commit: Commit): void {
    if (!this.#hasOthers) return
    const { id } = this.#options
    if (isPlainAppend(commit)) {
      this.#appended.set(commit.runId, commit)
      this.#publish(`run:${commit.runId}`, `${id} ${encode(commit)}`)
      return
    }
    this.#appended.delete(commit.runId)
    this.#publish('all', `${id} ${encode(commit)}`)
  }

  async post(to: string | null, text: string): Promise<void> {
    this.#publish(to === null ? 'letters' : `letters:${to}`, `${this.#options.id} ${text}`)
  }

  follow(runId: string): void {
    this.#followed.add(runId)
    if (this.#hearing.isReady) void this.#hearRun(runId).catch(() => {})
  }

  unfollow(runId: string): void {
    this.#followed.delete(runId)
    if (this.#hearing.isReady) void this.#hearing.unsubscribe(`${this.#prefix}:run:${runId}`).catch(() => {})
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearInterval(this.#timer)
    for (const client of [this.#sending, this.#hearing]) if (client.isOpen) client.destroy()
  }

  async #listen(): Promise<void> {
    await this.#hearing.connect()
    await this.#hearing.subscribe(`${this.#prefix}:all`, (message) => this.#hear(message))
    const letter = (message: string) => this.#hearLetter(message)
    await this.#hearing.subscribe(
      [`${this.#prefix}:letters`, `${this.#prefix}:letters:${this.#options.id}`],
      letter,
    )
    for (const runId of this.#followed) await this.#hearRun(runId)
    // Between the connection and here something may have been said.
    this.gaps.call()
  }

  #hearRun(runId: string): Promise<void> {
    return this.#hearing.subscribe(`${this.#prefix}:run:${runId}`, (message) => this.#hear(message))
  }

  #publish(channel: string, message: string): void {
    if (this.#closed || !this.#sending.isReady) return
    this.#sending.publish(`${this.#prefix}:${channel}`, message).catch(() => {})
  }

  #tellAppends(): void {
    const hints = [...this.#appended.values()].map(encode)
    this.#appended.clear()
    for (let from = 0; from < hints.length; from += hintsMax)
      this.#publish('all', `${this.#options.id} ${hints.slice(from, from + hintsMax).join(' ')}`)
  }

  #hear(message: string): void {
    const [node, ...hints] = message.split(' ')
    if (node === this.#options.id) return
    for (const hint of hints) {
      const commit = decode(hint)
      if (commit !== null) this.heard.call(commit)
    }
  }

  #hearLetter(message: string): void {
    const end = message.indexOf(' ')
    const from = message.slice(0, end)
    if (from !== this.#options.id) this.letters.call({ from, text: message.slice(end + 1) })
  }
}

/** What others wait for: the states of runs, questions to people, and messages to agents. */
const awaited = /^(run|session|permission|message):/

/** Only followers of the run wait for it. */
function isPlainAppend({ change, events }: Commit): boolean {
  return change === 'updated' && events.length > 0 && events.every(({ type }) => !awaited.test(type))
}
