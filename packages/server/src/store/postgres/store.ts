/**
 * The store for many nodes: one Postgres database, which every node writes to through one connection and reads through a
 * few. What a node writes is fenced by its row in `nodes` (`writer/writing.ts`).
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { MillraceError, messageOf } from '@millrace/protocol'
import { type BatchedStoreOptions, openBatchedStore } from '#store/batched/open-batched-store'
import type { Store } from '#store/store'
import type { Client } from './connection.ts'
import { type Ended, HistoryChanged, NodeLost, StoreClosed } from './ended.ts'
import { Link } from './link.ts'
import { migrate } from './migrations.ts'
import { startReading } from './reader/reading.ts'
import type { ConnectionSettings } from './settings.ts'
import { Writing } from './writer/writing.ts'

export interface PostgresStoreOptions extends BatchedStoreOptions {
  settings: ConnectionSettings
  /** Names this opening among all that share the database; never used before. */
  node?: string
}

/** The oldest version that the statements are written for. */
const versionMin = 140_000

/**
 * Opens the store of a database, creating or upgrading its schema. Rejects with `storage_failed`, also for a database of a
 * newer version of this program.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  try {
    return await open(options)
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('storage_failed', `Cannot open the database: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

async function open({ settings, node = randomUUID(), ...options }: PostgresStoreOptions): Promise<Store> {
  let awayListener: ((reason: string | null) => void) | undefined
  const failed = Promise.withResolvers<string>()
  const ended = (error: Ended) => failed.resolve(error.message)
  let known: Known | null = null
  const writeLink = new Link({
    settings,
    role: 'writer',
    ended,
    away: (reason) => awayListener?.(reason),
    prepare: async (client) => {
      if (known !== null) await recognize(client, known)
    },
  })
  try {
    const client = await writeLink.open()
    await checkServer(client)
    await migrate(client)
    const { epoch, cursorKey } = await identify(client)
    const history = await timelineOf(client)
    const key = await register(client, node)
    known = { epoch, history, node: key }
    const reading = await startReading({ settings })
    const writing = new Writing(writeLink, key)
    return openBatchedStore(
      {
        epoch,
        cursorKey: Buffer.from(cursorKey, 'base64'),
        send: async (operations) => {
          try {
            return await writing.send(operations)
          } catch (error) {
            // The close has given up the batch that was under way.
            if (error instanceof StoreClosed) return new Promise(() => {})
            throw error
          }
        },
        read: reading.read,
        watchAway: (listener) => {
          awayListener = listener
        },
        failed: failed.promise,
        async close() {
          await reading.close()
          await leave(writeLink, key)
          await writeLink.close()
        },
      },
      options,
    )
  } catch (error) {
    await writeLink.close()
    throw error
  }
}

/** What a connection that comes back must find again. */
interface Known {
  epoch: string
  history: number
  node: number
}

async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding`,
  )
  const { version, encoding } = rows[0]
  if (version < versionMin) {
    throw new Error(`Postgres 14 or newer is needed; the server has version ${Math.floor(version / 10_000)}`)
  }
  if (encoding !== 'UTF8') throw new Error(`the database must have the encoding UTF8; it has ${encoding}`)
}

async function identify(client: Client): Promise<{ epoch: string; cursorKey: string }> {
  await client.query(`INSERT INTO meta VALUES ('epoch', $1), ('cursor key', $2) ON CONFLICT DO NOTHING`, [
    randomUUID(),
    randomBytes(16).toString('base64'),
  ])
  const { rows } = await client.query(`SELECT key, value FROM meta WHERE key IN ('epoch', 'cursor key')`)
  const found = new Map(rows.map(({ key, value }) => [key, value]))
  const epoch = found.get('epoch')
  const cursorKey = found.get('cursor key')
  if (epoch === undefined || cursorKey === undefined) throw new Error('the database has no epoch')
  return { epoch, cursorKey }
}

/** Postgres begins another timeline whenever a standby is promoted or a backup restored to a point in time. */
async function timelineOf(client: Client): Promise<number> {
  const { rows } = await client.query(
    `SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline`,
  )
  return rows[0].timeline
}

async function recognize(client: Client, { epoch, history, node }: Known): Promise<void> {
  const { rows } = await client.query(
    `SELECT (SELECT value FROM meta WHERE key = 'epoch') AS epoch, (SELECT dead FROM nodes WHERE n = $1) AS dead`,
    [node],
  )
  if (rows[0].epoch !== epoch || (await timelineOf(client)) !== history) throw new HistoryChanged()
  if (rows[0].dead !== false) throw new NodeLost()
}

async function register(client: Client, node: string): Promise<number> {
  const { rows } = await client.query(
    `INSERT INTO nodes (id, lease_until) VALUES ($1, clock_timestamp()) RETURNING n`,
    [node],
  )
  return rows[0].n
}

/** A node that leaves in order holds nothing: its row goes. Without a connection it stays, and its lease ends. */
async function leave(link: Link, node: number): Promise<void> {
  const client = link.current
  await client?.query('DELETE FROM nodes WHERE n = $1', [node]).catch(() => {})
}
