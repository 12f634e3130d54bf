/** A Postgres server and a standby that takes its place when the server dies, behind an address that stays. */
import { Client } from 'pg'
import { expect, onTestFinished } from 'vitest'
import { startPostgres, startStandby } from '../postgres-server.ts'
import { openRelay, type RelayParts } from './relay.ts'

export interface Failover {
  /** Of whichever server is the primary. */
  url: string
  /** Of the standby, whatever becomes of the address that stays. */
  standbyUrl: string
  onPrimary(sql: string): Promise<unknown>
  onStandby(sql: string): Promise<unknown>
  /** From here on the standby receives nothing. */
  stall(): Promise<void>
  /** Kills the primary and promotes the standby. */
  failOver(): Promise<void>
}

/** Both are gone when the test is over. */
export async function openFailover({
  onData = () => 'pass',
}: Partial<Pick<RelayParts, 'onData'>> = {}): Promise<Failover> {
  const primary = await startPostgres()
  if (primary === null) throw new Error('Postgres is not installed')
  onTestFinished(() => primary.stop())
  const standby = await startStandby(primary, 'second')
  onTestFinished(() => standby.stop())
  let to = primary.port
  const relay = await openRelay({ to: () => to, onData })
  onTestFinished(() => relay.close())
  const onStandby = (sql: string) => ask(standby.url, sql)
  return {
    url: `postgres://millrace@127.0.0.1:${relay.port}/postgres`,
    standbyUrl: standby.url,
    onPrimary: (sql) => ask(primary.url, sql),
    onStandby,
    async stall() {
      await onStandby(`ALTER SYSTEM SET primary_conninfo = ''`)
      await onStandby('SELECT pg_reload_conf()')
      await expect.poll(() => onStandby('SELECT count(*) FROM pg_stat_wal_receiver')).toBe('0')
    },
    async failOver() {
      await primary.kill()
      to = standby.port
      await onStandby('SELECT pg_promote()')
    },
  }
}

/** Answers with the first value of the first row. */
async function ask(connectionString: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0]
  } finally {
    await client.end()
  }
}
