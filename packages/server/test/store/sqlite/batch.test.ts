import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { line, newRun, readAll, runningRun, upTo } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { until } from '@millrace/test-support/until'
import { expect, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import type { Commit, Store } from '#store/store'
import { openTemporary } from './support/temporary.ts'

test('a write that the database itself refuses fails alone, and the rest of its batch is written', async () => {
  const store = await openTemporary({ dataDir: temporaryFolder() })
  const id = await runningRun(store)
  const twin = newRun()
  const results = await Promise.allSettled([
    store.append(id, 1, [line('a')]),
    // A fraction is no INTEGER, and the same id is there already.
    store.recordProcess(id, 1, { pid: 0.5, startTime: 1 }),
    store.append(id, 1, [line('b')]),
    store.createRun(twin),
    store.createRun(twin),
    store.append(id, 1, [line('c')]),
  ])
  expect(results.map((result) => result.status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  for (const index of [1, 4]) expect(results[index]).toMatchObject({ reason: { code: 'internal' } })
  expect((await readAll(store, id)).slice(2).map((event) => JSON.parse(event.json).line)).toEqual([
    'a',
    'b',
    'c',
  ])
})

test('appends that share a transaction are announced as one commit and stored as one row', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  const commits: Commit[] = []
  store.onCommit((commit) => commits.push(commit))
  await Promise.all(upTo(20).map((n) => store.append(id, 1, [line(`${n}`)])))
  expect(commits.map((commit) => commit.events.map((event) => event.seq))).toEqual([upTo(22, 3)])
  await store.close()
  const db = new DatabaseSync(databasePath(dataDir), { readOnly: true })
  expect(db.prepare('SELECT first_seq, last_seq FROM batches WHERE last_seq > 2').all()).toEqual([
    { first_seq: 3, last_seq: 22 },
  ])
  db.close()
})

test('a run that another connection changed is read afresh by the next transaction', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  await store.append(id, 1, [line('a')])
  const other = new DatabaseSync(databasePath(dataDir))
  other.prepare('UPDATE runs SET attempt = 2, head = head + 5 WHERE id = ?').run(id)
  other.close()
  await expect(store.append(id, 1, [line('b')])).rejects.toMatchObject({ code: 'stale_attempt' })
  expect(await store.append(id, 2, [line('c')])).toEqual({ firstSeq: 9, lastSeq: 9 })
})

test('what a failed transaction did to a run is forgotten', async () => {
  const store = await openTemporary({ dataDir: temporaryFolder() })
  const id = await runningRun(store)
  const [appended] = await Promise.allSettled([
    store.append(id, 1, [line('a')]),
    store.recordProcess(id, 1, { pid: 0.5, startTime: 1 }),
  ])
  expect(appended).toMatchObject({ value: { firstSeq: 3 } })
  expect(await store.append(id, 1, [line('b')])).toEqual({ firstSeq: 4, lastSeq: 4 })
})

test('a listener that throws stops neither the other listeners nor the store', async () => {
  const store = await openTemporary({ dataDir: temporaryFolder() })
  const thrown: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  const told: string[] = []
  store.onCommit(() => {
    throw new Error('a bug')
  })
  store.onCommit((commit) => told.push(commit.change))
  await store.createRun(newRun())
  await store.createRun(newRun())
  process.removeAllListeners('uncaughtException')
  for (const listener of others) process.on('uncaughtException', listener)
  expect(told).toEqual(['created', 'created'])
  expect(thrown).toHaveLength(2)
})

test('a closed store leaves one data file that nobody else can read', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  await store.createRun(newRun())
  const path = databasePath(dataDir)
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
  await store.close()
  expect(existsSync(`${path}-wal`)).toBe(false)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

function threadsOfReading(): number {
  return readdirSync('/proc/self/task').filter(
    (task) => readFileSync(`/proc/self/task/${task}/comm`, 'latin1').trim() === 'store reader',
  ).length
}

test('few short reads need no thread of their own, and a page or many reads at once start one', async () => {
  for (const startsOne of [
    (store: Store, id: string) => store.readAfter(id, { after: 0, maxBytes: 1000 }),
    (store: Store, id: string) => Promise.all(upTo(30).map(() => store.getRun(id))),
  ]) {
    const before = threadsOfReading()
    const store = await openTemporary({ dataDir: temporaryFolder() })
    const id = await runningRun(store)
    expect(await store.getRun(id)).toMatchObject({ id, state: 'running' })
    expect(await store.bounds(id)).toMatchObject({ head: 2 })
    expect(threadsOfReading()).toBe(before)
    await startsOne(store, id)
    await until(() => threadsOfReading() === before + 1)
    await store.append(id, 1, [line('a')])
    expect(await store.bounds(id)).toMatchObject({ head: 3 })
    await store.close()
    await until(() => threadsOfReading() === before)
  }
})
