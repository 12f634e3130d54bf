/** A store that has lost its files says so, and acknowledges nothing that would be gone with the process. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { newRun } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { until } from '@millrace/test-support/until'
import { expect, test } from 'vitest'
import { openCredentialFile } from '#store/sqlite/upkeep/credential-file'
import { openTemporary } from './support/temporary.ts'

const failed = expect.objectContaining({ code: 'storage_failed' })

/** A store with one run, in a directory that may be removed. */
async function opened() {
  const dataDir = join(temporaryFolder(), 'data')
  const { promise: fatal, resolve } = Promise.withResolvers<Error>()
  const store = await openTemporary({ dataDir, onFatal: resolve })
  await store.createRun(newRun())
  const database = join(dataDir, 'millrace.db')
  // The reading thread, which a long read starts, has opened the files, too.
  await store.listRuns({ limit: 1 })
  await until(() => openedTimes(`${database}-wal`) >= 2)
  return { dataDir, database, store, fatal }
}

function openedTimes(path: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target === path).length
}

const losses: [string, (dataDir: string, database: string) => void, RegExp][] = [
  ['the data directory is deleted', (dataDir) => rmSync(dataDir, { recursive: true }), /deleted/],
  [
    'the data directory is replaced by a copy',
    (dataDir) => {
      renameSync(dataDir, `${dataDir}.old`)
      mkdirSync(dataDir)
      for (const name of readdirSync(`${dataDir}.old`))
        copyFileSync(join(`${dataDir}.old`, name), join(dataDir, name))
    },
    /replaced/,
  ],
  ['the database is deleted', (_, database) => rmSync(database), /deleted/],
  ['the log is deleted', (_, database) => rmSync(`${database}-wal`), /deleted/],
]

// Failed before: the write was acknowledged, and was gone after the next start.
test.each(losses)('a write after %s is refused', async (_, lose, reason) => {
  const { dataDir, database, store, fatal } = await opened()
  lose(dataDir, database)
  await expect(store.createRun(newRun())).rejects.toEqual(failed)
  expect((await fatal).message).toMatch(reason)
  expect(store.status().kind).toBe('failed')
})

// Failed before: the server stayed ready for as long as nothing was written.
test.each(losses)('a store that writes nothing notices within seconds that %s', async (_, lose, reason) => {
  const { dataDir, database, store, fatal } = await opened()
  lose(dataDir, database)
  expect((await fatal).message).toMatch(reason)
  expect(store.status().kind).toBe('failed')
})

test('a store notices that its database was emptied in place', async () => {
  const { database, fatal } = await opened()
  truncateSync(database)
  expect((await fatal).message).toMatch(/emptied|malformed|cannot be/)
})

// Failed before: the store opened, empty, as if nothing had ever been in it.
test.each([
  ['emptied', (database: string) => truncateSync(database)],
  ['deleted', (database: string) => rmSync(database)],
])('a store whose database was %s between two starts does not open', async (_, lose) => {
  const { dataDir, database, store } = await opened()
  await store.close()
  lose(database)
  await expect(openTemporary({ dataDir })).rejects.toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining('deleted or emptied'),
  })
  rmSync(join(dataDir, 'store.state'))
  expect((await openTemporary({ dataDir })).status()).toEqual({ kind: 'ok' })
})

test('a store does not open without the log that a crash left', async () => {
  const { dataDir, database } = await opened()
  // What is on the disk after `kill -9`.
  const crashed = temporaryFolder()
  for (const name of ['millrace.db', 'store.state']) copyFileSync(join(dataDir, name), join(crashed, name))
  await expect(openTemporary({ dataDir: crashed })).rejects.toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining('last events'),
  })
  copyFileSync(`${database}-wal`, join(crashed, 'millrace.db-wal'))
  const reopened = await openTemporary({ dataDir: crashed })
  expect((await reopened.listRuns({ limit: 10 })).runs).toHaveLength(1)
})

test('a store that was closed in order opens without a log', async () => {
  const { dataDir, database, store } = await opened()
  await store.close()
  rmSync(`${database}-wal`, { force: true })
  writeFileSync(join(dataDir, 'unrelated'), '')
  expect((await (await openTemporary({ dataDir })).listRuns({ limit: 10 })).runs).toHaveLength(1)
})

// Failed before: SQLite deletes the log with its last connection, and the next start took it for lost.
test('a store opens after its credentials were read without a server, although that folded the log of a crash', async () => {
  const { dataDir } = await opened()
  const crashed = temporaryFolder()
  for (const name of ['millrace.db', 'millrace.db-wal', 'store.state'])
    copyFileSync(join(dataDir, name), join(crashed, name))
  const file = openCredentialFile(crashed)
  await file.list('token')
  file.close()
  expect(existsSync(join(crashed, 'millrace.db-wal'))).toBe(false)
  expect((await (await openTemporary({ dataDir: crashed })).listRuns({ limit: 10 })).runs).toHaveLength(1)
})

test('credentials are not read beside a database whose log is lost', async () => {
  const { dataDir } = await opened()
  const crashed = temporaryFolder()
  for (const name of ['millrace.db', 'store.state']) copyFileSync(join(dataDir, name), join(crashed, name))
  expect(() => openCredentialFile(crashed)).toThrow('last events')
})
