/**
 * The store for many nodes: one Postgres database, which every node writes to through one connection and reads through a
 * few. What a node writes is fenced by its row in `nodes` (`writer/writing.ts`); it lives as long as its lease
 * (`membership.ts`), and hears of other nodes' commits by notifications (`signals/`).
 */
import { randomUUID } from 'node:crypto'
import { MillraceError, messageOf } from '@millrace/protocol'
import type { Backend } from '#store/batched/backend'
import { type BatchedStoreOptions, openBatchedStore } from '#store/batched/open-batched-store'
import { toRecord } from '#store/batched/run-record'
import type { SharedStore, Store } from '#store/store'
import type { Client } from './connection.ts'
import { count } from './counting.ts'
import { checkServer, identify, type Known, recognize, timelineOf, timeOf } from './database.ts'
import { type Ended, LastWords, NodeLost, StoreClosed } from './ended.ts'
import { Link } from './link.ts'
import { thisMachine } from './machine.ts'
import { countNodes, endsRequestedBy, Membership, nodesBy, register } from './membership.ts'
import { migrate } from './migrations.ts'
import { type Reading, startReading } from './reader/reading.ts'
import type { ConnectionSettings } from './settings.ts'
import { NotifySignals, type Signals, type SignalsOptions } from './signals/notify.ts'
import { StoreClock } from './store-clock.ts'
import { Writing } from './writer/writing.ts'

export interface PostgresStoreOptions extends BatchedStoreOptions {
  settings: ConnectionSettings
  /** Names this opening among all that share the database; never used before. */
  node?: string
  /** Names the data directory, which one node at a time uses: the next one on it takes over from the earlier at once. */
  home?: string
  /** A node that has not renewed its lease for this long is dead. */
  leaseMs?: number
  /** A standby that takes over has every commit: a failover is no other history. */
  synchronousStandby?: boolean
  /** Of a Redis or Valkey that carries what nodes tell each other; absent: the database does. */
  redisUrl?: string | undefined
}

export interface PostgresStore extends Store {
  readonly shared: SharedStore
}

const leaseMsDefault = 15_000

/**
 * Opens the store of a database, creating or upgrading its schema. Rejects with `storage_failed`, also for a database of a
 * newer version of this program.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  try {
    return await open(options)
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('storage_failed', `Cannot open the database: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

async function open(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { settings, node = randomUUID(), home = randomUUID(), leaseMs = leaseMsDefault } = options
  const { synchronousStandby = false } = options
  const failed = Promise.withResolvers<string>()
  const lastWords = new LastWords()
  const ended = (error: Ended) => void lastWords.before(error).then(() => failed.resolve(error.message))
  let awayListener: ((reason: string | null) => void) | undefined
  let known: Known | null = null
  const writeLink = new Link({
    settings,
    role: 'writer',
    ended,
    away: (reason) => awayListener?.(reason),
    prepare: async (client) => {
      if (known !== null && !(await recognize(client, known))) throw new NodeLost()
    },
  })
  const leaseLink = new Link({ settings, role: 'lease' })
  const closing: (() => Promise<void>)[] = [() => writeLink.close(), () => leaseLink.close()]
  try {
    const client = await writeLink.open()
    await leaseLink.open()
    await checkServer(client)
    await migrate(client)
    const timeline = await timelineOf(client)
    const { epoch, cursorKey } = await identify(client, { timeline, synchronousStandby })
    const identity = { id: node, home, machine: thisMachine() }
    const key = await register(client, identity, leaseMs)
    const writing = new Writing(writeLink, key)
    known = { epoch, timeline, node: key, synchronousStandby, acknowledged: () => writing.acknowledged }
    const reading = await startReadingOf(known, settings, ended)
    closing.unshift(() => reading.close())
    const signals = await signalsBy(options, { epoch, node: key, id: node, query: reading.query })
    closing.unshift(() => signals.close())
    await signals.open()
    const askedAt = performance.now()
    signals.counted(await countNodes(client), askedAt)
    const clock = await clockOf(client)
    const membership = new Membership({
      link: leaseLink,
      node: { ...identity, key },
      leaseMs,
      counted: (alive, at) => signals.counted(alive, at),
      clock,
      lost: ended,
    })
    closing.unshift(async () => membership.close())
    const backend: Backend = {
      epoch,
      cursorKey: Buffer.from(cursorKey, 'base64'),
      send: sending(writing),
      read: reading.read,
      announce: (commit) => signals.send(commit),
      watchCommits: (listener) => void signals.heard.add(listener),
      watchAway: (listener) => {
        awayListener = listener
      },
      failed: failed.promise,
      async close() {
        await leave(writeLink, key)
        for (const close of closing) await close()
      },
    }
    const shared = sharing({ node, membership, signals, reading, clock, lastWords })
    return { ...openBatchedStore(backend, options), shared }
  } catch (error) {
    for (const close of closing) await close()
    throw error
  }
}

/** A reader that is back before the writer must not continue in another history. */
function startReadingOf(
  known: Known,
  settings: ConnectionSettings,
  ended: (error: Ended) => void,
): Promise<Reading> {
  return startReading({ settings, ended, prepare: async (client) => void (await recognize(client, known)) })
}

async function clockOf(client: Client): Promise<StoreClock> {
  const clock = new StoreClock()
  const askedAt = performance.now()
  clock.read(await timeOf(client), askedAt)
  return clock
}

/** The client of Redis is loaded only where it is used. */
async function signalsBy(
  { settings, redisUrl }: PostgresStoreOptions,
  options: SignalsOptions,
): Promise<Signals> {
  if (redisUrl === undefined) return new NotifySignals(settings, options)
  const { RedisSignals } = await import('./signals/redis.ts')
  return new RedisSignals(redisUrl, options)
}

function sending(writing: Writing): Backend['send'] {
  return async (operations) => {
    try {
      return await writing.send(operations)
    } catch (error) {
      // The close has given up the batch that was under way.
      if (error instanceof StoreClosed) return new Promise(() => {})
      throw error
    }
  }
}

interface SharingParts {
  node: string
  membership: Membership
  signals: Signals
  reading: Reading
  clock: StoreClock
  lastWords: LastWords
}

function sharing({
  node,
  membership,
  signals,
  reading: { query },
  clock,
  lastWords,
}: SharingParts): SharedStore {
  return {
    node,
    now: () => clock.now(),
    announce: (text) => membership.announce(text),
    nodes: () => nodesBy(query),
    post: (to, text) => signals.post(to, text),
    onLetter: (listener) => signals.letters.add(listener),
    follow: (id) => signals.follow?.(id),
    unfollow: (id) => signals.unfollow?.(id),
    count: (name, windowMs) => count(query, name, windowMs),
    adopt: async () => (await membership.adopt()).map(toRecord),
    leftovers: () => membership.leftovers(),
    endsRequested: () => endsRequestedBy(query, node),
    heads: (ids) =>
      query({ name: 'heads', text: 'SELECT id, head, closed FROM runs WHERE id = ANY ($1::uuid[])' }, [ids]),
    onGap: (listener) => signals.gaps.add(listener),
    onLeaseEnding: (listener) => membership.ending.add(listener),
    onHistoryChanged: (listener) => lastWords.add(listener),
  }
}

/** A node that leaves in order holds nothing. Without a connection its row stays, and its lease ends. */
async function leave(link: Link, node: number): Promise<void> {
  await link.current?.query('DELETE FROM nodes WHERE n = $1', [node]).catch(() => {})
}
