/** Several stores on one database, as nodes: leases, takeover, and what they hear of each other. */
import { completed, line, newRun, runningRun, upTo } from '@millrace/store-conformance/material'
import { cutListeners } from '@millrace/test-support/postgres-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openPostgresStore } from '#store/postgres/store'
import type { Commit } from '#store/store'
import { cuttingProxy } from './support/cutting-proxy.ts'
import { serverUrl, testDatabase } from './support/database.ts'

/** Long enough that nothing is renewed during a test. */
const leaseMs = 600_000

describe.skipIf(serverUrl === null)('nodes on one database', () => {
  test('the runs of a node whose lease ended are taken over once, with a new attempt, and it can write nothing', async () => {
    const database = await testDatabase()
    const dead = await database.open({ node: 'dead', leaseMs })
    const others = await Promise.all(upTo(3).map((n) => database.open({ node: `${n}`, leaseMs })))
    const claim = async (node: string) => {
      const { run } = await dead.createRun(newRun())
      await dead.claim({ kind: 'job', limit: 9, node })
      await dead.recordProcess(run.id, 1, { pid: 4242, startTime: 7 })
      return run.id
    }
    const left = [await claim('dead'), await claim('dead')]
    const alive = await claim('1')
    expect((await Promise.all(others.map(({ shared }) => shared?.adopt()))).flat()).toEqual([])
    await database.query(
      `UPDATE nodes SET lease_until = clock_timestamp() - interval '1 second' WHERE id = 'dead'`,
    )
    const adopted = (await Promise.all(others.map(({ shared }) => shared?.adopt()))).flat()
    expect(adopted.map((run) => run?.id).sort()).toEqual(left.sort())
    // The machine is the same: its processes can be ended.
    for (const run of adopted)
      expect(run).toMatchObject({ attempt: 2, cause: 'crash', process: { pid: 4242, startTime: 7 } })
    expect(await others[0]?.getRun(alive)).toMatchObject({ attempt: 1, cause: null, node: '1' })
    await expect(dead.append(left[0] ?? '', 1, [line('late')])).rejects.toMatchObject({
      code: 'storage_failed',
    })
    for (const run of adopted)
      await others[0]?.finish(run?.id ?? '', 2, { ...completed(), state: 'interrupted' })
    expect((await Promise.all(others.map(({ shared }) => shared?.adopt()))).flat()).toEqual([])
  })

  test('the next node on a data directory takes over from the former at once, and knows what others took over', async () => {
    const database = await testDatabase()
    const former = await database.open({ node: 'former', home: 'here', leaseMs })
    const { run } = await former.createRun(newRun())
    await former.claim({ kind: 'job', limit: 1, node: 'former' })
    await former.recordProcess(run.id, 1, { pid: 4242, startTime: 7 })
    const other = await database.open({ node: 'other', leaseMs })
    const next = await database.open({ node: 'next', home: 'here', leaseMs })
    expect(await other.shared?.adopt()).toMatchObject([{ id: run.id }])
    expect(await next.shared?.adopt()).toEqual([])
    expect(await next.shared?.leftovers()).toEqual([{ id: run.id, process: { pid: 4242, startTime: 7 } }])
    expect(await other.shared?.leftovers()).toEqual([])
  })

  test('a node finds which of its runs are to end, wherever that was requested', async () => {
    const database = await testDatabase()
    const [one, other] = [await database.open({ node: 'one' }), await database.open({ node: 'other' })]
    const { run } = await one.createRun(newRun())
    await one.claim({ kind: 'job', limit: 1, node: 'one' })
    expect(await one.shared?.endsRequested()).toEqual([])
    await other.requestEnd(run.id, 'abort')
    expect(await one.shared?.endsRequested()).toEqual([{ id: run.id, cause: 'abort' }])
    expect(await other.shared?.endsRequested()).toEqual([])
    await other.requestEnd((await other.createRun(newRun())).run.id, 'abort')
    expect(await one.shared?.adopt()).toMatchObject([{ state: 'queued', cause: 'abort' }])
  })

  test('a node hears what others commit, not what it commits itself, and of a gap when its ear was cut off', async () => {
    const database = await testDatabase()
    const [one, other] = [await database.open(), await database.open()]
    const heard: Commit[] = []
    let gaps = 0
    other.onCommit((commit) => heard.push(commit))
    other.shared?.onGap(() => {
      gaps += 1
    })
    // Until it has heard of the other, a node speaks to nobody.
    let greeted = false
    other.shared?.onLetter(() => {
      greeted = true
    })
    await expect.poll(() => one.shared?.post(null, '"hello"').then(() => greeted)).toBe(true)
    const id = await runningRun(one)
    await expect
      .poll(() => heard.at(-1))
      .toMatchObject({ runId: id, state: 'running', head: 2, elsewhere: true, events: [] })
    await one.finish(id, 1, completed())
    await expect
      .poll(() => heard.at(-1))
      .toEqual({
        runId: id,
        change: 'finished',
        state: 'completed',
        head: 3,
        closed: true,
        events: [],
        elsewhere: true,
      })
    const mine = await runningRun(other)
    expect(await database.query(cutListeners)).toHaveLength(2)
    await expect.poll(() => gaps).toBeGreaterThan(0)
    const next = await runningRun(one)
    await expect.poll(() => heard.at(-1)?.runId).toBe(next)
    expect(heard.filter(({ runId, elsewhere }) => runId === mine && elsewhere)).toEqual([])
    expect(await other.shared?.heads([id, newRun().id])).toEqual([{ id, head: 3, closed: true }])
  })

  test('on another timeline the log has another epoch, and a node that was there before ends', async () => {
    const database = await testDatabase()
    const failures: string[] = []
    const url = new URL(serverUrl ?? '')
    const proxy = await cuttingProxy(Number(url.port), Math.random)
    url.port = String(proxy.port)
    const settings = { ...database.settings, connectionString: url.href }
    const before = await database.open({ settings, onFatal: ({ message }) => failures.push(message) })
    const same = await database.open()
    expect(same.epoch).toBe(before.epoch)
    await database.query(`UPDATE meta SET value = '7' WHERE key = 'timeline'`)
    const after = await database.open()
    expect(after.epoch).not.toBe(before.epoch)
    expect((await database.open()).epoch).toBe(after.epoch)
    proxy.cutWith(1)
    void before.append(newRun().id, 1, [line('x')]).catch(() => {})
    await expect.poll(() => before.status().kind).toBe('away')
    proxy.cutWith(0)
    await expect.poll(() => failures).toEqual([expect.stringContaining('another history')])
  })

  test('a node that cannot renew its lease says so before the lease ends', async () => {
    const database = await testDatabase()
    const url = new URL(serverUrl ?? '')
    const proxy = await cuttingProxy(Number(url.port), Math.random)
    url.port = String(proxy.port)
    const store = await openPostgresStore({
      settings: { ...database.settings, connectionString: url.href },
      leaseMs: 3000,
    })
    onTestFinished(() => store.close())
    const ending = new Promise((resolve) => store.shared.onLeaseEnding(resolve))
    const cutAt = performance.now()
    proxy.cutWith(1)
    expect(await ending).toContain('could not be renewed')
    expect(performance.now() - cutAt).toBeGreaterThan(900)
  })
})
