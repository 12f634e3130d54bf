import { once } from 'node:events'
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, onTestFinished, test } from 'vitest'
import { databasePath, openForWriting } from '#store/sqlite/database'
import { createCheckpoints } from '#store/sqlite/writer/checkpoints'

const MiB = 1024 * 1024

function database() {
  const path = databasePath(temporaryFolder())
  const db = openForWriting(path)
  onTestFinished(() => db.close())
  db.exec('CREATE TABLE t (body TEXT); PRAGMA wal_autocheckpoint = 100; PRAGMA synchronous = OFF')
  db.exec(`PRAGMA journal_size_limit = ${MiB}`)
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  const body = 'x'.repeat(64 * 1024)
  return { path, db, write: () => insert.run(body), walBytes: () => statSync(`${path}-wal`).size }
}

/** Reads that overlap without a moment between them, from another thread. */
async function overlappingReads(path: string): Promise<void> {
  const worker = new Worker(new URL('./support/wal-reader-worker.ts', import.meta.url), {
    workerData: { path },
  })
  const exited = once(worker, 'exit')
  onTestFinished(async () => {
    worker.postMessage('stop')
    await exited
  })
  await once(worker, 'message')
}

/** Writes 40 MiB and returns how long the write-ahead log was at its longest. */
async function longest(afterWrite: () => void, { write, walBytes }: ReturnType<typeof database>) {
  let most = 0
  for (let n = 0; n < 640; n += 1) {
    write()
    afterWrite()
    most = Math.max(most, walBytes())
    if (n % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return most
}

test('reads that overlap without a pause do not let the write-ahead log grow', async () => {
  const target = database()
  const checkpoints = createCheckpoints(target.db, target.path, { firstBytes: 4 * MiB, step: 2 * MiB })
  await overlappingReads(target.path)
  // As long as SQLite's own checkpoints are all there is, it does: else this test would try nothing.
  expect(await longest(() => {}, target)).toBeGreaterThan(30 * MiB)
  expect(target.walBytes()).toBeGreaterThan(30 * MiB)
  // One that meets a read stopped in its middle, on a busy machine, leaves it to the next.
  for (let tries = 0; tries < 200 && target.walBytes() >= 4 * MiB; tries += 1) {
    target.write()
    checkpoints.afterCommit([])
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  expect(target.walBytes()).toBeLessThan(4 * MiB)
  expect(await longest(() => checkpoints.afterCommit([]), target)).toBeLessThan(16 * MiB)
})

test('a long read does not stop the writer at every commit, and the log is short again after it', () => {
  const target = database()
  const checkpoints = createCheckpoints(target.db, target.path, { firstBytes: 2 * MiB, step: 4 * MiB })
  const reader = new DatabaseSync(target.path, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM t').get()
  let folds = 0
  const prepare = target.db.prepare.bind(target.db)
  target.db.prepare = (sql) => {
    if (sql.includes('wal_checkpoint')) folds += 1
    return prepare(sql)
  }
  for (let n = 0; n < 320; n += 1) {
    target.write()
    checkpoints.afterCommit([])
  }
  expect(target.walBytes()).toBeGreaterThan(20 * MiB)
  expect(folds).toBeGreaterThan(2)
  expect(folds).toBeLessThanOrEqual(6)
  reader.close()
  for (let n = 0; n < 80; n += 1) {
    target.write()
    checkpoints.afterCommit([])
    if (n > 8) expect(target.walBytes()).toBeLessThan(3 * MiB)
  }
})
