import {
  existsSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { completed, line, newRun, readAll, runningRun, upTo } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import { backUp } from '#store/sqlite/upkeep/backup'
import { startProgram } from './support/program.ts'
import { openTemporary } from './support/temporary.ts'
import { expectWhole } from './support/whole.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

test('a backup beside a program that writes without pause has all events acknowledged before, in whole logs', async () => {
  const dataDir = temporaryFolder()
  const program = startProgram('appender.ts', dataDir)
  const acknowledged = new Map<string, number>()
  let lines = 0
  for await (const text of program.lines) {
    const { id, seq } = JSON.parse(text)
    acknowledged.set(id, seq)
    lines += 1
    if (lines % 100 !== 0) continue
    const file = join(temporaryFolder(), 'copy.db')
    expect(backUp(dataDir, file)).toEqual({ runs: 3, bytes: statSync(file).size })
    const logs = expectWhole(file)
    for (const [id, head] of acknowledged) expect(logs.get(id)?.head).toBeGreaterThanOrEqual(head)
    if (lines === 300) program.child.kill('SIGKILL')
  }
}, 120_000)

test('a backup is one file that nobody else can read, without any deleted data', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const kept = await runningRun(store)
  const { run } = await store.createRun(newRun({ spec: { secret: 'mandrake' } }))
  await store.append(run.id, 0, [line(`mandrake ${'x'.repeat(100_000)}`)])
  await store.finish(run.id, 0, completed())
  await store.deleteRun(run.id)
  while ((await store.reclaim()).more);
  const to = temporaryFolder()
  backUp(dataDir, join(to, 'copy.db'))
  expect(readdirSync(to)).toEqual(['copy.db'])
  expect(statSync(join(to, 'copy.db')).mode & 0o777).toBe(0o600)
  const { readFileSync } = await import('node:fs')
  expect(readFileSync(join(to, 'copy.db')).includes('mandrake')).toBe(false)
  // As a database of its own.
  const other = temporaryFolder()
  backUp(dataDir, databasePath(other))
  const copy = await openTemporary({ dataDir: other })
  expect(await readAll(copy, kept)).toEqual(await readAll(store, kept))
})

test('a backup of a stopped server needs no server', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  await store.close()
  const file = join(temporaryFolder(), 'copy.db')
  backUp(dataDir, file)
  expect([...expectWhole(file).keys()]).toEqual([id])
})

test('a backup does not overwrite an existing file, even an empty one', async () => {
  const dataDir = temporaryFolder()
  await openTemporary({ dataDir })
  const to = temporaryFolder()
  writeFileSync(join(to, 'copy.db'), '')
  expect(() => backUp(dataDir, join(to, 'copy.db'))).toThrow('exists')
  expect(statSync(join(to, 'copy.db')).size).toBe(0)
  // Failed before: the link kept its place, but the message named the inner file.
  symlinkSync(join(to, 'nothing'), join(to, 'link.db'))
  expect(() => backUp(dataDir, join(to, 'link.db'))).toThrow('a backup overwrites nothing')
  expect(readdirSync(to).sort()).toEqual(['copy.db', 'link.db'])
  expect(() => backUp(dataDir, join(to, 'no', 'such', 'folder'))).toThrow('ENOENT')
})

test('a damaged database gives no backup', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  await store.append(
    id,
    1,
    upTo(50).map((n) => line(`${n}:${'x'.repeat(5_000)}`)),
  )
  await store.close()
  const path = databasePath(dataDir)
  const descriptor = openSync(path, 'r+')
  for (let page = 1; page * 4096 < statSync(path).size; page += 1) {
    writeSync(descriptor, Buffer.alloc(64, 0xab), 0, 64, page * 4096)
  }
  const to = temporaryFolder()
  expect(() => backUp(dataDir, join(to, 'copy.db'))).toThrow(/malformed|damaged|corrupt/)
  expect(readdirSync(to)).toEqual([])
  truncateSync(path, 100)
  expect(() => backUp(dataDir, join(to, 'copy.db'))).toThrow()
  expect(readdirSync(to)).toEqual([])
})

test('kill -9 amid a backup leaves a whole one or none, and the database as it was', {
  timeout: 300_000,
}, async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  for (const n of upTo(40)) await store.append(id, 1, [line(`${n}:${'x'.repeat(500_000)}`)])
  for (let round = 0; round < (full ? 20 : 4); round += 1) {
    const to = temporaryFolder()
    const program = startProgram('backup-child.ts', dataDir, [], [to])
    let began = 0
    let done = 0
    for await (const text of program.lines) {
      const [what, number] = text.split(' ')
      if (what === 'done') done = Number(number)
      else began = Number(number)
      // At another point of the copying each time.
      if (what === 'began' && began === 2) {
        await sleep(7 * round)
        program.child.kill('SIGKILL')
      }
    }
    await program.ended
    const files = readdirSync(to).filter((name) => name.endsWith('.db'))
    expect(files.length).toBeGreaterThanOrEqual(done)
    for (const name of files) expectWhole(join(to, name))
    expect(await store.append(id, 1, [line('on')])).toMatchObject({ firstSeq: 43 + round })
  }
  await store.close()
  expect(existsSync(`${databasePath(dataDir)}-journal`)).toBe(false)
  expect(expectWhole(databasePath(dataDir)).size).toBe(1)
})
