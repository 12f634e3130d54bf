import { statSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import { startProgram } from './support/program.ts'

test('a second server is refused with the pid of the first, until that is killed', async () => {
  const dataDir = temporaryFolder()
  const first = startProgram('lock-holder.ts', dataDir)
  expect(await first.lines.next()).toMatchObject({ value: 'held' })
  expect(() => acquireDataDirLock(dataDir)).toThrow(
    `another server (pid ${first.child.pid}) uses the data directory ${dataDir}`,
  )
  first.child.kill('SIGKILL')
  await first.ended
  acquireDataDirLock(dataDir).release()
})

test('a second attempt of the holder is refused, and the lock stays held against others', async () => {
  const dataDir = temporaryFolder()
  const lock = acquireDataDirLock(dataDir)
  expect(() => acquireDataDirLock(dataDir)).toThrow(`another server (pid ${process.pid})`)
  const other = startProgram('lock-holder.ts', dataDir)
  expect((await other.lines.next()).value).toBe(
    `another server (pid ${process.pid}) uses the data directory ${dataDir}`,
  )
  lock.release()
  lock.release()
  acquireDataDirLock(dataDir).release()
})

test('locks of different directories are independent', () => {
  const locks = [acquireDataDirLock(temporaryFolder()), acquireDataDirLock(temporaryFolder())]
  for (const lock of locks) lock.release()
})

test('a data directory that cannot be made is an error', () => {
  // Seen looping forever, in `mkdir` of Node with `recursive`.
  expect(() => acquireDataDirLock('/proc/none/data')).toThrow('/proc/none')
})

test('missing directories above it are made as well, for their owner alone', () => {
  const dataDir = join(temporaryFolder(), 'a', 'b')
  acquireDataDirLock(dataDir).release()
  expect(statSync(dataDir).mode & 0o077).toBe(0)
})
