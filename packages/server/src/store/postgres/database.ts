/** What identifies a database, and what must be true of it. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Client } from './connection.ts'
import { HistoryChanged } from './ended.ts'

/** The oldest version that the statements are written for. */
const versionMin = 140_000

/** What a connection that comes back must find again. */
export interface Known {
  epoch: string
  timeline: number
  /** The key of this node's row. */
  node: number
  /** A standby that takes over is said to have every commit. */
  synchronousStandby: boolean
  /** The number of the last flush of this node that is known to be committed. */
  acknowledged: () => number
}

/** Fails for a server or a database that cannot hold the store. */
export async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding`,
  )
  const { version, encoding } = rows[0]
  if (version < versionMin) {
    throw new Error(`Postgres 14 or newer is needed; the server has version ${Math.floor(version / 10_000)}`)
  }
  if (encoding !== 'UTF8') throw new Error(`the database must have the encoding UTF8; it has ${encoding}`)
}

/**
 * Returns what the database keeps for its epoch and for cursors, which the first opening makes. On another timeline than at
 * the last opening the newest commits may be missing: then the epoch is a new one, and no cursor points into other content.
 * Where standbys are said to have every commit, it stays.
 */
export async function identify(
  client: Client,
  { timeline, synchronousStandby }: Pick<Known, 'timeline' | 'synchronousStandby'>,
): Promise<{ epoch: string; cursorKey: string }> {
  await client.query(
    `INSERT INTO meta VALUES ('epoch', $1), ('cursor key', $2), ('timeline', $3) ON CONFLICT DO NOTHING`,
    [randomUUID(), randomBytes(16).toString('base64'), String(timeline)],
  )
  if (synchronousStandby) await keepEpoch(client, timeline)
  await client.query(
    `WITH t AS (UPDATE meta SET value = $2 WHERE key = 'timeline' AND value <> $2 RETURNING key)
      UPDATE meta SET value = $1 WHERE key = 'epoch' AND EXISTS (SELECT 1 FROM t)`,
    [randomUUID(), String(timeline)],
  )
  const { rows } = await client.query(`SELECT key, value FROM meta WHERE key IN ('epoch', 'cursor key')`)
  const found = new Map(rows.map(({ key, value }) => [key, value]))
  const epoch = found.get('epoch')
  const cursorKey = found.get('cursor key')
  if (epoch === undefined || cursorKey === undefined) throw new Error('the database has no epoch')
  return { epoch, cursorKey }
}

/** Postgres begins another timeline whenever a standby is promoted or a backup restored to a point in time. */
export async function timelineOf(client: Client): Promise<number> {
  const { rows } = await client.query(
    `SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline`,
  )
  return rows[0].timeline
}

/** What the server's clock shows, in milliseconds since the epoch. */
export async function timeOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ time: number }>(
    'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS time',
  )
  return rows[0]?.time ?? 0
}

/** From here on the timeline is one that the epoch has. */
async function keepEpoch(client: Client, timeline: number): Promise<void> {
  await client.query(`UPDATE meta SET value = $1 WHERE key = 'timeline' AND value <> $1`, [String(timeline)])
}

/**
 * Fails with `Ended` when what the node knows of the database is no longer true. A standby that was said to have every commit
 * and lacks one of this node's gets a new epoch. Returns whether the node is alive.
 */
export async function recognize(client: Client, known: Known): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT (SELECT value FROM meta WHERE key = 'epoch') AS epoch, n, dead, last_flush AS "lastFlush"
      FROM (SELECT 1) AS one LEFT JOIN nodes ON n = $1`,
    [known.node],
  )
  const { epoch, n, dead, lastFlush } = rows[0]
  if (epoch !== known.epoch) throw new HistoryChanged()
  const timeline = await timelineOf(client)
  if (timeline !== known.timeline) {
    if (!known.synchronousStandby) throw new HistoryChanged()
    if (n === null || lastFlush < known.acknowledged()) {
      await client.query(`UPDATE meta SET value = $1 WHERE key = 'epoch' AND value = $2`, [
        randomUUID(),
        epoch,
      ])
      throw new HistoryChanged()
    }
    await keepEpoch(client, timeline)
    known.timeline = timeline
  }
  return dead === false
}
