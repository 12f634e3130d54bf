import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { completed, entry, line, runningRun, upTo } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import { startProgram } from './support/program.ts'
import { openTemporary } from './support/temporary.ts'
import { expectWhole } from './support/whole.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

test('after kill -9 amid deletions every kept log is whole, the deleted stay deleted, and their room comes back', {
  timeout: 300_000,
}, async () => {
  const dataDir = temporaryFolder()
  const said = new Map<string, { head?: number; firstSeq?: number; deleting?: boolean; deleted?: boolean }>()
  for (let round = 0; round < (full ? 12 : 2); round += 1) {
    const program = startProgram('forgetful-child.ts', dataDir)
    let lines = 0
    for await (const text of program.lines) {
      const { id, ...news } = JSON.parse(text)
      said.set(id, { ...said.get(id), ...news })
      lines += 1
      if (lines === 120 + 41 * round) program.child.kill('SIGKILL')
    }
    expect(await program.ended).toBe('SIGKILL')
    const logs = expectWhole(databasePath(dataDir))
    for (const [id, { head = 0, firstSeq = 1, deleting = false, deleted = false }] of said) {
      const log = logs.get(id)
      if (deleted) expect(log).toBeUndefined()
      if (deleting) continue
      expect(log?.head).toBeGreaterThanOrEqual(head)
      expect(log?.firstSeq).toBeGreaterThanOrEqual(firstSeq)
    }
  }
  const store = await openTemporary({ dataDir })
  while ((await store.reclaim()).more);
  const db = new DatabaseSync(databasePath(dataDir), { readOnly: true })
  expect(db.prepare('SELECT * FROM discarded').all()).toEqual([])
  const orphans = db.prepare('SELECT count(*) AS n FROM batches WHERE run NOT IN (SELECT n FROM runs)')
  expect(orphans.get()).toEqual({ n: 0 })
  db.close()
  expectWhole(databasePath(dataDir))
})

test('the file shrinks by the deleted data, and is sound', async () => {
  const dataDir = temporaryFolder()
  const path = databasePath(dataDir)
  const store = await openTemporary({ dataDir })
  const [gone, kept] = [await runningRun(store), await runningRun(store)]
  for (const id of [gone, kept, gone, gone, gone]) {
    await store.append(
      id,
      1,
      upTo(20).map(() => line('x'.repeat(400_000))),
    )
  }
  await store.finish(gone, 1, completed())
  await store.deleteRun(gone)
  let bytes = 0
  for (let more = true; more; ) {
    const piece = await store.reclaim()
    bytes += piece.bytes
    more = piece.more
    // No piece is so large that an append would wait long for it.
    expect(piece.bytes).toBeLessThanOrEqual(5 * 1024 * 1024)
  }
  // The space is returned while the store is open, however little is written afterwards.
  expect(statSync(path).size).toBeLessThan(20_000_000)
  expect(statSync(`${path}-wal`).size).toBe(0)
  await store.close()
  expect(existsSync(`${path}-wal`)).toBe(false)
  expect(bytes).toBeGreaterThan(20_000_000)
  expect(statSync(path).size).toBeLessThan(20_000_000)
  expect([...expectWhole(path).keys()]).toEqual([kept])
})

test('one call deletes a bounded number of events of a log or entries of a transcript', async () => {
  const store = await openTemporary({ dataDir: temporaryFolder() })
  const pieces = async () => {
    for (let calls = 1; ; calls += 1) if (!(await store.reclaim()).more) return calls
  }
  const logged = await runningRun(store)
  for (const n of upTo(30)) await store.append(logged, 1, [line(`${n}:${'x'.repeat(400_000)}`)])
  await store.finish(logged, 1, completed())
  await store.deleteRun(logged)
  // 12 MB, at most 4 MiB a piece.
  expect(await pieces()).toBeGreaterThan(3)
  const conversed = await runningRun(store)
  for (const n of upTo(15)) await store.appendTranscript(conversed, 1, [entry(`${n}:${'x'.repeat(600_000)}`)])
  await store.appendTranscript(
    conversed,
    1,
    upTo(600).map((n) => entry(`${n}`)),
  )
  await store.finish(conversed, 1, completed())
  await store.deleteRun(conversed)
  // 9 MB and 600 rows, at most 4 MiB and 512 rows a piece.
  expect(await pieces()).toBeGreaterThan(3)
})

test('a database created without auto-vacuum deletes too, and keeps the space for new events', async () => {
  const dataDir = temporaryFolder()
  const path = databasePath(dataDir)
  await (await openTemporary({ dataDir })).close()
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM')
  db.close()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  for (const _ of upTo(30)) await store.append(id, 1, [line('x'.repeat(900_000))])
  await store.finish(id, 1, completed())
  await store.deleteRun(id)
  let pieces = 0
  while ((await store.reclaim()).more) pieces += 1
  expect(pieces).toBeLessThan(20)
  await store.close()
  expectWhole(path)
})
