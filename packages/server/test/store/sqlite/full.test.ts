import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  completed,
  entry,
  line,
  newApproval,
  newRun,
  readAll,
  runningRun,
  upTo,
} from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, onTestFinished, type TestContext, test } from 'vitest'
import type { Store, StoreStatus } from '#store/store'
import { openTemporary } from './support/temporary.ts'

/** A file system of 8 MiB, half of it taken by a file that `makeRoom` removes. */
function smallDisk(context: TestContext) {
  const dataDir = temporaryFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dataDir])
  if (mounted.status !== 0) context.skip('a small file system cannot be mounted here (needs root)')
  onTestFinished(() => {
    spawnSync('umount', [dataDir])
  })
  const filler = join(dataDir, 'filler')
  writeFileSync(filler, Buffer.alloc(4 * 1024 * 1024))
  return { dataDir, makeRoom: () => rmSync(filler) }
}

/** Appends until the disk is full; returns the promise of each append. */
async function fill(store: Store, id: string) {
  const statuses: StoreStatus[] = []
  const { promise: full, resolve } = Promise.withResolvers<void>()
  store.onStatus((status) => {
    statuses.push(status)
    if (status.kind === 'full') resolve()
  })
  const appends = upTo(50).map((n) => store.append(id, 1, [line(`${n}:${'x'.repeat(120_000)}`)]))
  const settled = Promise.allSettled(appends)
  await full
  return { statuses, settled }
}

test('on a full disk appends wait and new runs are refused; with room again everything continues, in order', async (context) => {
  const { dataDir, makeRoom } = smallDisk(context)
  const store = await openTemporary({ dataDir, retryFullMs: 20 })
  const id = await runningRun(store)
  const { statuses, settled } = await fill(store, id)
  expect(store.status()).toMatchObject({ kind: 'full', message: expect.stringContaining('full') })
  await expect(store.createRun(newRun())).rejects.toMatchObject({ code: 'storage_full' })
  await expect(store.credentials.revoke('none', 1)).rejects.toMatchObject({ code: 'storage_full' })
  expect(await store.reclaim()).toEqual({ bytes: 0, more: false })
  expect(store.status().kind).toBe('full')
  const finished = store.finish(id, 1, completed())
  // Reads still work: here the events that were committed before.
  const readWhileFull = await readAll(store, id)
  expect(readWhileFull.length).toBeLessThan(53)
  makeRoom()
  expect(await finished).toMatchObject({ state: 'completed', head: 53 })
  for (const result of await settled) expect(result.status).toBe('fulfilled')
  const events = await readAll(store, id)
  expect(events.slice(0, readWhileFull.length)).toEqual(readWhileFull)
  expect(events.slice(2, -1).map((event) => Number.parseInt(JSON.parse(event.json).line, 10))).toEqual(
    upTo(50),
  )
  expect(statuses.map((status) => status.kind)).toEqual(['full', 'ok'])
  expect((await store.createRun(newRun())).created).toBe(true)
})

// Failed before: nothing could be deleted on a full disk, and no run could be ended.
test('a full disk has a reserve by which runs end and old ones are deleted, and nothing else', async (context) => {
  const dataDir = temporaryFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'tmpfs', dataDir])
  if (mounted.status !== 0) context.skip('a small file system cannot be mounted here (needs root)')
  onTestFinished(() => {
    spawnSync('umount', [dataDir])
  })
  const store = await openTemporary({ dataDir, retryFullMs: 20 })
  const big = line('x'.repeat(120_000))
  const old = await runningRun(store)
  for (let n = 0; n < 8; n += 1) await store.append(old, 1, Array(40).fill(big))
  await store.finish(old, 1, completed())
  const [ending, waiting] = [await runningRun(store), await runningRun(store)]
  const { promise: full, resolve } = Promise.withResolvers<void>()
  store.onStatus(({ kind }) => kind === 'full' && resolve())
  const rest = upTo(60).map(() => store.append(waiting, 1, Array(10).fill(big)))
  const outcomes = Promise.allSettled(rest)
  await full
  const lastWords = store.append(ending, 1, [line('last words')])
  await store.requestEnd(ending, 'abort')
  await lastWords
  expect(await store.finish(ending, 1, completed())).toMatchObject({ state: 'completed' })
  await expect(store.createRun(newRun())).rejects.toMatchObject({ code: 'storage_full' })
  const { head } = (await store.getRun(waiting)) ?? {}
  expect(head).toBeLessThan(602)
  expect(store.status().kind).toBe('full')
  expect(await store.deleteRun(old)).toBeGreaterThan(300)
  await store.reclaim()
  await store.close()
  await outcomes
})

test('a run created when the disk is full is refused, and the store notices room by itself', async (context) => {
  const { dataDir, makeRoom } = smallDisk(context)
  const store = await openTemporary({ dataDir, retryFullMs: 20 })
  const statuses: string[] = []
  const { promise: ok, resolve } = Promise.withResolvers<void>()
  store.onStatus(({ kind }) => {
    statuses.push(kind)
    if (kind === 'ok') resolve()
  })
  const huge = newRun({ spec: { prompt: 'x'.repeat(5_000_000) } })
  await expect(store.createRun(huge)).rejects.toMatchObject({ code: 'storage_full' })
  makeRoom()
  await ok
  expect(statuses.slice(0, 2)).toEqual(['full', 'ok'])
  expect(await store.getRun(huge.id)).toBeNull()
  expect((await store.createRun(newRun())).created).toBe(true)
})

test('a close on a full disk does not wait forever: pending writes are rejected', async (context) => {
  const { dataDir, makeRoom } = smallDisk(context)
  const store = await openTemporary({ dataDir, retryFullMs: 20 })
  const id = await runningRun(store)
  const { settled } = await fill(store, id)
  await store.close()
  const results = await settled
  const kept = results.filter((result) => result.status === 'fulfilled').length
  for (const result of results.slice(kept)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage_full' } })
  }
  expect(kept).toBeLessThan(50)
  makeRoom()
  const reopened = await openTemporary({ dataDir })
  expect((await readAll(reopened, id)).map((event) => event.seq)).toEqual(upTo(kept + 2))
})

test('a store that has no room to open says so', async (context) => {
  const { dataDir, makeRoom } = smallDisk(context)
  const store = await openTemporary({ dataDir })
  await store.close()
  const rest = join(dataDir, 'rest')
  try {
    writeFileSync(rest, Buffer.alloc(8 * 1024 * 1024))
  } catch {
    // As much as fits.
  }
  await expect(openTemporary({ dataDir })).rejects.toMatchObject({ code: 'storage_full' })
  makeRoom()
  expect((await openTemporary({ dataDir })).status()).toEqual({ kind: 'ok' })
})

test('on a full disk an answer is refused and can be given again, and the work of a session waits', async (context) => {
  const { dataDir, makeRoom } = smallDisk(context)
  const store = await openTemporary({ dataDir, retryFullMs: 20 })
  const id = await runningRun(store)
  const approval = newApproval()
  await store.requestApproval(id, 1, approval)
  const { settled } = await fill(store, id)
  const answer = () =>
    store.answerApproval(id, approval.id, { decision: 'allow', by: 'person', user: 'ada', at: 1 })
  await expect(answer()).rejects.toMatchObject({ code: 'storage_full' })
  const kept = store.appendTranscript(id, 1, [entry('x')])
  const another = store.requestApproval(id, 1, newApproval())
  makeRoom()
  await Promise.all([kept, another, settled])
  expect(await answer()).toMatchObject({ decision: 'allow', user: 'ada' })
  expect(await store.readTranscript(id)).toEqual([entry('x')])
})
