/** Connections that are lost at any moment: what was acknowledged is there once, and nothing else is there twice. */
import { completed, line, newRun, readAll, runningRun, upTo } from '@millrace/store-conformance/material'
import { startPostgres } from '@millrace/test-support/postgres-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openPostgresStore } from '#store/postgres/store'
import type { StoreStatus } from '#store/store'
import { cuttingProxy } from './support/cutting-proxy.ts'
import { emptyDatabase, serverUrl, testDatabase } from './support/database.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

describe.skipIf(serverUrl === null)('a store whose connections are lost', () => {
  test('a flush that is cut before or after its commit takes effect exactly once', {
    timeout: 900_000,
  }, async () => {
    const database = await testDatabase()
    const url = new URL(serverUrl ?? '')
    const proxy = await cuttingProxy(Number(url.port), Math.random)
    url.port = String(proxy.port)
    const direct = await database.open()
    const settings = { ...database.settings, connectionString: url.href }
    const store = await openPostgresStore({ settings })
    onTestFinished(() => store.close())
    const ids = await Promise.all(upTo(5).map(() => runningRun(direct)))
    proxy.cutWith(0.08)
    const flushes = full ? 1000 : 60
    const acked = new Map(ids.map((id) => [id, [] as string[]]))
    const write = async (id: string) => {
      for (let n = 0; n < flushes; n += 1) {
        const text = `${n}`
        // Every third batch has more than appends: it goes the slow way.
        const slow = n % 3 === 0 ? store.appendTranscript(id, 1, []) : null
        const [{ firstSeq }] = await Promise.all([store.append(id, 1, [line(text)]), slow])
        acked.get(id)?.push(`${firstSeq} ${text}`)
      }
    }
    await Promise.all(ids.map(write))
    proxy.cutWith(0)
    expect(proxy.cuts).toBeGreaterThan(5)
    for (const id of ids) {
      const log = await readAll(direct, id)
      expect(log.slice(2).map(({ seq, json }) => `${seq} ${JSON.parse(json).line}`)).toEqual(acked.get(id))
      expect(log.map(({ seq }) => seq)).toEqual(upTo(flushes + 2))
      await store.finish(id, 1, completed())
    }
  })

  test('while the server is down new runs are refused with a time to retry, and what runs loses nothing', {
    timeout: 900_000,
  }, async () => {
    const server = await startPostgres()
    if (server === null) throw new Error('Postgres is not installed')
    onTestFinished(() => server.stop())
    const { settings } = await emptyDatabase(server.url)
    const store = await openPostgresStore({ settings })
    onTestFinished(() => store.close())
    const statuses: StoreStatus['kind'][] = []
    store.onStatus(({ kind }) => statuses.push(kind))
    const ids = await Promise.all(upTo(10).map(() => runningRun(store)))
    const acked = new Map<string, number>()
    let stopped = false
    const writers = ids.map(async (id) => {
      for (let n = 3; !stopped; n += 1) {
        const { lastSeq } = await store.append(id, 1, [line(`${n}`)])
        expect(lastSeq).toBe(n)
        acked.set(id, lastSeq)
      }
    })
    const kills = full ? 10 : 2
    for (let kill = 0; kill < kills; kill += 1) {
      const before = acked.get(ids[0] ?? '') ?? 0
      await expect.poll(() => acked.get(ids[0] ?? '') ?? 0).toBeGreaterThan(before)
      await server.kill()
      await expect.poll(() => store.status().kind).toBe('away')
      await expect(store.createRun(newRun())).rejects.toMatchObject({ code: 'storage_away', retryAfter: 2 })
      await server.start()
      await expect.poll(() => store.status().kind).toBe('ok')
      expect((await store.createRun(newRun())).created).toBe(true)
    }
    stopped = true
    await Promise.all(writers)
    for (const id of ids) {
      const log = await readAll(store, id)
      expect(log.map(({ seq }) => seq)).toEqual(upTo(acked.get(id) ?? 0))
      expect(log.slice(2).map(({ json }) => JSON.parse(json).line)).toEqual(upTo(log.length, 3).map(String))
    }
    expect(statuses).toEqual(upTo(kills).flatMap(() => ['away', 'ok']))
  })

  test('a store that is closed while its database is away lets go within a few seconds', async () => {
    const database = await testDatabase()
    const url = new URL(serverUrl ?? '')
    const proxy = await cuttingProxy(Number(url.port), Math.random)
    url.port = String(proxy.port)
    const store = await openPostgresStore({ settings: { ...database.settings, connectionString: url.href } })
    const id = await runningRun(store)
    proxy.cutWith(1)
    const refused = expect(store.append(id, 1, [line('x')])).rejects.toMatchObject({ code: 'storage_away' })
    await expect.poll(() => store.status().kind).toBe('away')
    await store.close()
    await refused
  })

  test('a node that others have declared dead writes nothing, and its store says that it has failed', async () => {
    const database = await testDatabase()
    const failures: string[] = []
    const store = await database.open({ node: 'one', onFatal: ({ message }) => failures.push(message) })
    const id = await runningRun(store)
    await database.query(`UPDATE nodes SET dead = true WHERE id = 'one'`)
    await expect(store.append(id, 1, [line('late')])).rejects.toMatchObject({ code: 'storage_failed' })
    expect(store.status().kind).toBe('failed')
    expect(failures).toEqual([expect.stringContaining('did not renew its lease')])
    const other = await database.open()
    expect(await readAll(other, id)).toHaveLength(2)
  })
})
