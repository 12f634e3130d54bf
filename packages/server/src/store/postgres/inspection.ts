/** What an operator should know of a database before a server uses it. Changes nothing in it. */
import { close, connect } from './connection.ts'
import type { ConnectionSettings } from './settings.ts'

export interface Inspection {
  /** As the server shows it: `15.18 (Debian …)`. */
  version: string
  /** 150018. */
  versionNumber: number
  encoding: string
  synchronousCommit: string
  /** Set if commits wait for a standby. */
  synchronousStandbys: string
  /** The port that the server itself has; null for a socket in the file system. */
  serverPort: number | null
  connectionsMax: number
  roundTripMs: number
  /** How far the clock of the server is ahead of this machine's. */
  clockAheadMs: number
  /** The newest step of the schema; null for a database that no server has used. */
  schema: number | null
}

export async function inspectDatabase(settings: ConnectionSettings): Promise<Inspection> {
  const client = await connect(settings, 'doctor', () => {})
  try {
    const sentAt = Date.now()
    const { rows: clock } = await client.query('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now')
    const roundTripMs = Date.now() - sentAt
    const { rows } = await client.query(`SELECT current_setting('server_version') AS version,
      current_setting('server_version_num')::int AS "versionNumber", current_setting('server_encoding') AS encoding,
      (SELECT setting FROM pg_settings WHERE name = 'synchronous_commit') AS "synchronousCommit",
      current_setting('synchronous_standby_names') AS "synchronousStandbys", inet_server_port() AS "serverPort",
      current_setting('max_connections')::int AS "connectionsMax", to_regclass('meta') IS NOT NULL AS used`)
    const { used, ...found } = rows[0]
    const schema = used ? (await client.query(`SELECT value FROM meta WHERE key = 'schema'`)).rows : []
    return {
      ...found,
      roundTripMs,
      clockAheadMs: Number(clock[0].now) - (sentAt + roundTripMs / 2),
      schema: schema[0] === undefined ? null : Number(schema[0].value),
    }
  } finally {
    await close(client)
  }
}
