import { DatabaseSync } from 'node:sqlite'
import {
  completed,
  entry,
  line,
  messageDelivered,
  messageWithdrawn,
  newApproval,
  newMessage,
  newRun,
  readAll,
  runningRun,
  takeOne,
  withFile,
} from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, onTestFinished, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import { type Migration, migrate, migrations } from '#store/sqlite/migrations'
import { openTemporary } from './support/temporary.ts'

const newest = migrations.at(-1)?.id ?? 0

function open(dataDir: string): DatabaseSync {
  const db = new DatabaseSync(databasePath(dataDir))
  onTestFinished(() => {
    if (db.isOpen) db.close()
  })
  return db
}

const version = (db: DatabaseSync) => db.prepare('PRAGMA user_version').get()?.user_version

test('the steps are numbered 1, 2, 3 …', () => {
  expect(migrations.map((step) => step.id)).toEqual(migrations.map((_, index) => index + 1))
})

test('an empty directory becomes a database of the newest schema', async () => {
  const dataDir = temporaryFolder()
  await (await openTemporary({ dataDir })).close()
  expect(version(open(dataDir))).toBe(newest)
})

test('a database of an older version is migrated step by step, and keeps its data', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const { run } = await store.createRun(newRun())
  await store.close()
  const later: Migration[] = [
    ...migrations,
    { id: newest + 1, sql: "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'" },
    { id: newest + 2, sql: "UPDATE runs SET colour = 'blue'" },
  ]
  const db = open(dataDir)
  migrate(db, later)
  migrate(db, later)
  expect(version(db)).toBe(newest + 2)
  expect(db.prepare('SELECT id, colour FROM runs').all()).toEqual([{ id: run.id, colour: 'blue' }])
})

test('in a database of schema 4 open sessions stay exclusive, and finished ones and other kinds are not', async () => {
  const dataDir = temporaryFolder()
  const db = open(dataDir)
  migrate(db, migrations.slice(0, 4))
  const insert = db.prepare(`INSERT INTO runs (id, kind, project, owner, state, closed, attempt, created_at)
    VALUES (?, ?, ?, 'ada', ?, ?, 1, 1)`)
  const [open1, over, job] = [newRun().id, newRun().id, newRun().id]
  insert.run(open1, 'session', 'busy', 'running', 0)
  insert.run(over, 'session', 'idle', 'completed', 1)
  insert.run(job, 'job', 'jobs', 'running', 0)
  db.exec("INSERT INTO details (run, spec) SELECT n, '{}' FROM runs")
  db.close()
  const store = await openTemporary({ dataDir })
  const start = (project: string) => store.createRun(newRun({ kind: 'session', exclusive: true, project }))
  await expect(start('busy')).rejects.toMatchObject({ code: 'project_busy' })
  for (const project of ['idle', 'jobs']) expect((await start(project)).created).toBe(true)
  await store.finish(open1, 1, completed())
  expect((await start('busy')).created).toBe(true)
})

test('runs that ended under schema 6 have their outcomes, and are found by their text', async () => {
  const dataDir = temporaryFolder()
  const db = open(dataDir)
  migrate(db, migrations.slice(0, 6))
  const insert = db.prepare(`INSERT INTO runs (id, kind, owner, state, closed, attempt, created_at)
    VALUES (?, ?, 'ada', ?, ?, 1, 1)`)
  const detail = db.prepare('INSERT INTO details (run, spec, result) VALUES (?, ?, ?)')
  const ended = (kind: string, state: string, result: unknown, spec: object = { tool: 'Größe' }) => {
    const { id } = newRun()
    const { lastInsertRowid } = insert.run(id, kind, state, Number(state !== 'running'))
    detail.run(lastInsertRowid, JSON.stringify(spec), result === null ? null : JSON.stringify(result))
    return id
  }
  const expected = {
    [ended('job', 'completed', { success: true })]: 'success',
    [ended('job', 'completed', { success: false, exitCode: 3 })]: 'failure',
    [ended('job', 'completed', null)]: 'failure',
    [ended('session', 'completed', { success: false }, { prompt: 'Größe'.repeat(500) })]: 'success',
    [ended('external', 'errored', null)]: 'failure',
    [ended('job', 'aborted', null)]: 'aborted',
    [ended('job', 'interrupted', null)]: 'interrupted',
    [ended('job', 'running', null)]: null,
  }
  db.close()
  const store = await openTemporary({ dataDir })
  const { runs } = await store.listRuns({ limit: 20, q: 'GRÖßE' })
  expect(Object.fromEntries(runs.map(({ id, outcome }) => [id, outcome]))).toEqual(expected)
  expect((await store.listRuns({ limit: 20, outcome: 'failure' })).runs).toHaveLength(3)
})

test('a failed step leaves the database as it was before it', () => {
  const db = open(temporaryFolder())
  migrate(db)
  const bad = { id: newest + 1, sql: 'CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)' }
  expect(() => migrate(db, [...migrations, bad])).toThrow('nowhere')
  expect(version(db)).toBe(newest)
  expect(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'half'").all()).toEqual([])
})

test('a database of a newer version is refused, and unchanged', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const { run } = await store.createRun(newRun())
  await store.close()
  const db = open(dataDir)
  db.exec(`PRAGMA user_version = ${newest + 1}`)
  await expect(openTemporary({ dataDir })).rejects.toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining(`written by a newer version of Millrace (schema ${newest + 1}`),
  })
  db.exec(`PRAGMA user_version = ${newest}`)
  db.close()
  expect(await readAll(await openTemporary({ dataDir }), run.id)).toHaveLength(1)
})

test('a file that is not a database is refused', async () => {
  const dataDir = temporaryFolder()
  const { writeFileSync } = await import('node:fs')
  writeFileSync(databasePath(dataDir), 'this is not a database, however long it may be'.repeat(100))
  await expect(openTemporary({ dataDir })).rejects.toMatchObject({ code: 'storage_failed' })
})

test('what runs of schema 9 take is counted for their owners, as if they had been written since', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  for (const owner of ['ada', 'bob']) {
    const run = await runningRun(store, { owner, kind: 'session' })
    await store.append(run, 1, [line('ä'.repeat(5_000))])
    await store.appendTranscript(run, 1, [entry('t'.repeat(3_000))])
    await store.acceptMessage(run, newMessage())
    const approval = newApproval()
    await store.requestApproval(run, 1, approval)
    await store.finish(run, 1, completed({ text: 'r'.repeat(owner === 'ada' ? 900 : 90) }))
  }
  const detached = { started: line('started'), leaseUntil: 99_000 }
  const { run } = await store.createRun(newRun({ kind: 'external', detached }))
  await store.produce(run.id, { events: [], producer: { id: 'p', epoch: 0, seq: 0 }, leaseUntil: 99_000 })
  const counted = await store.largestOwners(9)
  expect(counted).toHaveLength(2)
  await store.close()
  const db = open(dataDir)
  db.exec('DROP TABLE owner_bytes; ALTER TABLE runs DROP COLUMN bytes')
  db.exec(migrations.find(({ id }) => id === 10)?.sql ?? '')
  const recounted = db.prepare('SELECT owner, bytes FROM owner_bytes ORDER BY bytes DESC').all()
  expect(recounted.map((row) => ({ ...row }))).toEqual(counted)
})

test('what attachments of settled messages contain goes with schema 12, from the sums of their owners too', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const [run, other] = [await runningRun(store), await runningRun(store, { owner: 'bob' })]
  const [read, gone, waits] = [withFile(3_000), withFile(5_000), withFile(7_000)]
  for (const message of [read, gone, waits]) await store.acceptMessage(run, message)
  await takeOne(store, run)
  await store.deliverMessage(run, 1, read.id, messageDelivered(read.id))
  await store.withdrawMessage(run, gone.id, messageWithdrawn(gone.id))
  await store.acceptMessage(other, withFile(9_000))
  const counted = await store.largestOwners(9)
  await store.close()
  const db = open(dataDir)
  const kept = () => db.prepare('SELECT message FROM attachments ORDER BY message').all()
  const before = kept()
  expect(before).toHaveLength(2)
  for (const { id } of [read, gone])
    db.prepare("INSERT INTO attachments SELECT n, ?, ? FROM runs WHERE owner = 'ada'").run(
      id,
      'x'.repeat(4_000),
    )
  db.exec(`UPDATE runs SET bytes = bytes + 8000 WHERE owner = 'ada';
    UPDATE owner_bytes SET bytes = bytes + 8000 WHERE owner = 'ada'`)
  db.exec(migrations.find(({ id }) => id === 13)?.sql ?? '')
  expect(kept()).toEqual(before)
  for (const table of ['owner_bytes', 'runs']) {
    const rows = db.prepare(`SELECT owner, bytes FROM ${table} ORDER BY bytes DESC`).all()
    expect(rows.map((row) => ({ ...row }))).toEqual(counted)
  }
})
