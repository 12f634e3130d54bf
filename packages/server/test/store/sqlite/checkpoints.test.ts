import { once } from 'node:events'
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { temporaryFolder } from '@millrace/test-support/folders'
import { until } from '@millrace/test-support/until'
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

/** Writes this many MiB, with pauses in which others run. */
async function writeMany(mib: number, write: () => void) {
  for (let n = 0; n < mib * 16; n += 1) {
    write()
    if (n % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

test('reads that overlap without a pause do not let the write-ahead log grow', async () => {
  const target = database()
  const checkpoints = createCheckpoints(target.db, { firstBytes: 4 * MiB, step: 2 * MiB })
  await overlappingReads(target.path)
  // With SQLite's own checkpoints alone, it never shrinks: otherwise this test would prove nothing.
  await writeMany(40, target.write)
  expect(target.walBytes()).toBeGreaterThan(30 * MiB)
  const commit = () => {
    target.write()
    checkpoints.afterCommit([], target.walBytes())
  }
  for (let round = 0; round < 5; round += 1) {
    await writeMany(8, commit)
    // A checkpoint that meets a read in its middle leaves the log to the next. How many do depends on the machine.
    await until(() => {
      commit()
      return target.walBytes() < 4 * MiB
    })
  }
})

test('a long read does not stop the writer at every commit, and the log is short again after it', () => {
  const target = database()
  const checkpoints = createCheckpoints(target.db, { firstBytes: 2 * MiB, step: 4 * MiB })
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
    checkpoints.afterCommit([], target.walBytes())
  }
  expect(target.walBytes()).toBeGreaterThan(20 * MiB)
  expect(folds).toBeGreaterThan(2)
  expect(folds).toBeLessThanOrEqual(6)
  reader.close()
  for (let n = 0; n < 80; n += 1) {
    target.write()
    checkpoints.afterCommit([], target.walBytes())
    if (n > 8) expect(target.walBytes()).toBeLessThan(3 * MiB)
  }
})
