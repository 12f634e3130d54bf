import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { line, newRun, readAll, runningRun } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import { backUp } from '#store/sqlite/upkeep/backup'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import { restore } from '#store/sqlite/upkeep/restore'
import { startProgram } from './support/program.ts'
import { openTemporary } from './support/temporary.ts'
import { expectWhole } from './support/whole.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined
const at = Date.parse('2026-03-04T05:06:07.089Z')

/** A closed data directory with a run, a credential and a backup of both, and one more event since. */
async function backedUp() {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  const credential = {
    ...{ id: newRun().id, kind: 'cookie' as const, user: 'ada', admin: true, createdAt: 1, expiresAt: null },
    ...{ revokedAt: null, usedAt: null, parent: null, path: null },
  }
  await store.credentials.add(credential, 'hash')
  const file = join(temporaryFolder(), 'copy.db')
  backUp(dataDir, file)
  const log = await readAll(store, id)
  await store.append(id, 1, [line('since')])
  await store.close()
  return { dataDir, id, credential, file, log, epoch: store.epoch }
}

test('a restored log is that of the backup, in a new epoch, with the credentials it had', async () => {
  const { dataDir, id, credential, file, log, epoch } = await backedUp()
  const before = readFileSync(file)
  const restored = restore(dataDir, file, at)
  expect(restored).toMatchObject({
    runs: 1,
    aside: `${databasePath(dataDir)}.before-restore-2026-03-04T05-06-07.089Z`,
  })
  expect(readFileSync(file)).toEqual(before)
  expect(statSync(databasePath(dataDir)).mode & 0o777).toBe(0o600)
  const store = await openTemporary({ dataDir })
  expect(store.epoch).toBe(restored.epoch)
  expect(store.epoch).not.toBe(epoch)
  expect(await readAll(store, id)).toEqual(log)
  expect(await store.credentials.find('hash')).toEqual(credential)
  expect(await store.append(id, 1, [line('on')])).toMatchObject({ firstSeq: 3 })
})

test('the old database stays aside with all its data, and can be restored in turn', async () => {
  const { dataDir, id, file } = await backedUp()
  const { aside } = restore(dataDir, file, at)
  expect(expectWhole(aside ?? '').get(id)).toMatchObject({ head: 3 })
  const back = restore(dataDir, aside ?? '', at + 1)
  expect(back.aside).not.toBe(aside)
  const store = await openTemporary({ dataDir })
  expect(await readAll(store, id)).toHaveLength(3)
})

test('the write-ahead log of a killed server is set aside with its database, and never mixes with the new one', async () => {
  const { dataDir, file, id } = await backedUp()
  const program = startProgram('appender.ts', dataDir)
  const heads = new Map<string, number>()
  for await (const text of program.lines) {
    const said = JSON.parse(text)
    heads.set(said.id, said.seq)
    if (said.seq === 40) program.child.kill('SIGKILL')
  }
  expect(statSync(`${databasePath(dataDir)}-wal`).size).toBeGreaterThan(0)
  const { aside } = restore(dataDir, file, at)
  expect(existsSync(`${databasePath(dataDir)}-wal`)).toBe(false)
  expect([...expectWhole(databasePath(dataDir)).keys()]).toEqual([id])
  const kept = expectWhole(aside ?? '')
  for (const [run, head] of heads) expect(kept.get(run)?.head).toBeGreaterThanOrEqual(head)
})

test('a copy with its write-ahead log beside it is restored with it', async () => {
  const { dataDir, file } = await backedUp()
  const store = await openTemporary({ dataDir })
  const { run } = await store.createRun(newRun())
  const raw = join(temporaryFolder(), 'raw.db')
  for (const suffix of ['', '-wal']) copyFileSync(databasePath(dataDir) + suffix, raw + suffix)
  await store.close()
  restore(dataDir, file, at)
  restore(dataDir, raw, at + 1)
  expect(await (await openTemporary({ dataDir })).getRun(run.id)).not.toBeNull()
})

test('a broken database is replaced, and kept aside unchanged', async () => {
  const { dataDir, file, id } = await backedUp()
  const rubbish = 'no database '.repeat(1000)
  writeFileSync(databasePath(dataDir), rubbish)
  const { aside } = restore(dataDir, file, at)
  expect(readFileSync(aside ?? '', 'utf8')).toBe(rubbish)
  expect(await readAll(await openTemporary({ dataDir }), id)).toHaveLength(2)
})

test('a restore into a directory without a database creates one', async () => {
  const { file, id } = await backedUp()
  const dataDir = join(temporaryFolder(), 'new')
  expect(restore(dataDir, file, at)).toMatchObject({ aside: null })
  expect(await readAll(await openTemporary({ dataDir }), id)).toHaveLength(2)
})

test('nothing is restored while a server holds the directory, or from a file that is no sound backup', async () => {
  const { dataDir, file } = await backedUp()
  const before = readFileSync(databasePath(dataDir))
  const lock = acquireDataDirLock(dataDir)
  expect(() => restore(dataDir, file, at)).toThrow(`another server (pid ${process.pid})`)
  lock.release()
  const bad = (content: (db: DatabaseSync) => void): string => {
    const path = join(temporaryFolder(), 'bad.db')
    copyFileSync(file, path)
    const db = new DatabaseSync(path)
    content(db)
    db.close()
    return path
  }
  const text = join(temporaryFolder(), 'text.db')
  writeFileSync(text, 'no database'.repeat(1000))
  const half = join(temporaryFolder(), 'half.db')
  writeFileSync(half, readFileSync(file).subarray(0, 20_480))
  const refused: [string, RegExp][] = [
    [join(dataDir, 'nothing'), /there is no file/],
    [databasePath(dataDir), /is the database itself/],
    [text, /is no database that can be read/],
    [half, /is damaged|no database that can be read/],
    [bad((db) => db.exec('PRAGMA user_version = 999')), /newer version of Millrace \(schema 999\)/],
    [bad((db) => db.exec("DELETE FROM meta WHERE key = 'epoch'")), /no database of Millrace/],
    [bad((db) => db.exec('DROP TABLE meta')), /no database of Millrace/],
  ]
  for (const [path, why] of refused) expect(() => restore(dataDir, path, at)).toThrow(why)
  expect(readFileSync(databasePath(dataDir))).toEqual(before)
  expect(readdirSync(dataDir).filter((name) => name.startsWith('millrace.db'))).toEqual(['millrace.db'])
  // And the directory is free again.
  acquireDataDirLock(dataDir).release()
})

test('kill -9 amid a restore leaves one of the two databases, whole', { timeout: 300_000 }, async () => {
  const { dataDir, file, id } = await backedUp()
  const other = join(temporaryFolder(), 'other.db')
  backUp(dataDir, other)
  for (let round = 0; round < (full ? 20 : 4); round += 1) {
    const program = startProgram('restore-child.ts', dataDir, [], [file, other])
    let restored = 0
    for await (const _ of program.lines) {
      restored += 1
      if (restored !== 2) continue
      await sleep(3 * round)
      program.child.kill('SIGKILL')
    }
    expect(await program.ended).toBe('SIGKILL')
    expect([2, 3]).toContain(expectWhole(databasePath(dataDir)).get(id)?.head)
  }
  const { aside } = restore(dataDir, file, at)
  expect(aside).not.toBeNull()
  const names = readdirSync(dataDir).filter((name) => !name.includes('.before-restore-'))
  expect(names.filter((name) => name.startsWith('millrace.db'))).toEqual(['millrace.db'])
})
