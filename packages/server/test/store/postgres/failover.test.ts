/** A server that dies and a standby, made by pg_basebackup, that takes its place, behind an address that stays. */
import { line, readAll, runningRun, upTo } from '@millrace/store-conformance/material'
import { openFailover } from '@millrace/test-support/network/failover'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openPostgresStore } from '#store/postgres/store'
import { serverUrl } from './support/database.ts'

/** Longer than a failover on a busy machine. */
const leaseMs = 600_000

async function pair(parts: Parameters<typeof openFailover>[0] = {}) {
  const failover = await openFailover(parts)
  return {
    ...failover,
    async open(synchronousStandby: boolean, url = failover.url) {
      const failures: string[] = []
      const store = await openPostgresStore({
        settings: { connectionString: url },
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
    const { onStandby, stall, failOver, open } = await pair()
    const [stated, unstated] = [await open(true), await open(false)]
    const id = await runningRun(stated.store)
    await expect
      .poll(() => onStandby(`SELECT head FROM runs WHERE id = '${id}'`), { timeout: 30_000 })
      .toBe('2')
    await stall()
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

  test('after a failover that lost events a node whose readers are back first reads nothing of the other history', {
    timeout: 120_000,
  }, async () => {
    let back: 'all' | 'readers' = 'all'
    const isReader = (data: Buffer) => /millrace (pages|reader)/.test(data.toString('latin1'))
    // What a connection says of itself stands in its first packet.
    const onData = (data: Buffer) =>
      back === 'readers' && data.includes('millrace ') && !isReader(data) ? 'cut' : 'pass'
    const { onStandby, standbyUrl, stall, failOver, open } = await pair({ onData })
    const { store, failures } = await open(false)
    const id = await runningRun(store)
    await expect.poll(() => onStandby(`SELECT head FROM runs WHERE id = '${id}'`)).toBe('2')
    await stall()
    for (const n of upTo(3)) await store.append(id, 1, [line(`lost ${n}`)])
    back = 'readers'
    await failOver()
    const other = (await open(false, standbyUrl)).store
    for (const n of upTo(5)) await other.append(id, 1, [line(`other ${n}`)])
    await expect(store.readAfter(id, { after: 5, maxBytes: 1000 })).rejects.toThrow('another history')
    expect(failures).toEqual([expect.stringContaining('another history')])
  })
})
