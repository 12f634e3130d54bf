/** A server that dies and a standby, made by pg_basebackup, that takes its place, behind an address that stays. */
import { line, readAll, runningRun, upTo } from '@millrace/store-conformance/material'
import { openRelay } from '@millrace/test-support/network/relay'
import { startPostgres, startStandby } from '@millrace/test-support/postgres-server'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openPostgresStore } from '#store/postgres/store'
import { serverUrl } from './support/database.ts'

/** Longer than a failover on a busy machine. */
const leaseMs = 600_000

async function pair() {
  const primary = await startPostgres()
  if (primary === null) throw new Error('Postgres is not installed')
  onTestFinished(() => primary.stop())
  const standby = await startStandby(primary, 'second')
  onTestFinished(() => standby.stop())
  let to = primary.port
  const relay = await openRelay({ to: () => to, onData: () => 'pass' })
  onTestFinished(() => relay.close())
  const settings = { connectionString: `postgres://millrace@127.0.0.1:${relay.port}/postgres` }
  const ask = async (server: { url: string }, sql: string): Promise<unknown> => {
    const client = new Client({ connectionString: server.url })
    await client.connect()
    try {
      return Object.values((await client.query(sql)).rows[0] ?? {})[0]
    } finally {
      await client.end()
    }
  }
  return {
    onPrimary: (sql: string) => ask(primary, sql),
    onStandby: (sql: string) => ask(standby, sql),
    async failOver() {
      await primary.kill()
      to = standby.port
      await ask(standby, 'SELECT pg_promote()')
    },
    async open(synchronousStandby: boolean) {
      const failures: string[] = []
      const store = await openPostgresStore({
        settings,
        leaseMs,
        synchronousStandby,
        onFatal: ({ message }) => failures.push(message),
      })
      onTestFinished(() => store.close())
      return { store, failures }
    },
  }
}

describe.skipIf(serverUrl === null)('a failover', () => {
  test('after a failover to a synchronous standby a node continues in the same epoch, and nothing acknowledged is lost', {
    timeout: 120_000,
  }, async () => {
    const { onPrimary, failOver, open } = await pair()
    await onPrimary(`ALTER SYSTEM SET synchronous_standby_names = 'second'`)
    await onPrimary('SELECT pg_reload_conf()')
    const state = () => onPrimary('SELECT sync_state FROM pg_stat_replication')
    await expect.poll(state, { timeout: 30_000 }).toBe('sync')
    const { store, failures } = await open(true)
    const ids = await Promise.all(upTo(5).map(() => runningRun(store)))
    let stopped = false
    let acknowledged = 0
    const writers = ids.map(async (id) => {
      for (let n = 3; !stopped; n += 1) {
        const { lastSeq } = await store.append(id, 1, [line(`${n}`)])
        expect(lastSeq).toBe(n)
        acknowledged += 1
      }
    })
    await expect.poll(() => acknowledged, { timeout: 30_000 }).toBeGreaterThan(100)
    await failOver()
    await expect.poll(() => store.status().kind, { timeout: 30_000 }).toBe('ok')
    const before = acknowledged
    await expect.poll(() => acknowledged, { timeout: 30_000 }).toBeGreaterThan(before + 20)
    stopped = true
    await Promise.all(writers)
    for (const id of ids) {
      const log = await readAll(store, id)
      expect(log.map(({ seq }) => seq)).toEqual(upTo(log.length))
      expect(log.slice(2).map(({ json }) => JSON.parse(json).line)).toEqual(upTo(log.length, 3).map(String))
    }
    expect(failures).toEqual([])
    expect((await open(true)).store.epoch).toBe(store.epoch)
  })

  test('after a failover that lost events no node continues, and the log has another epoch, whatever was said of the standby', {
    timeout: 120_000,
  }, async () => {
    const { onStandby, failOver, open } = await pair()
    const [stated, unstated] = [await open(true), await open(false)]
    const id = await runningRun(stated.store)
    await expect
      .poll(() => onStandby(`SELECT head FROM runs WHERE id = '${id}'`), { timeout: 30_000 })
      .toBe('2')
    // From here on the standby receives nothing.
    await onStandby(`ALTER SYSTEM SET primary_conninfo = ''`)
    await onStandby('SELECT pg_reload_conf()')
    await expect
      .poll(() => onStandby('SELECT count(*) FROM pg_stat_wal_receiver'), { timeout: 30_000 })
      .toBe('0')
    for (const n of upTo(5)) await stated.store.append(id, 1, [line(`${n}`)])
    await failOver()
    for (const { failures } of [stated, unstated])
      await expect
        .poll(() => failures, { timeout: 30_000 })
        .toEqual([expect.stringContaining('another history')])
    const { store } = await open(true)
    expect(store.epoch).not.toBe(stated.store.epoch)
    expect(await readAll(store, id)).toHaveLength(2)
  })
})
