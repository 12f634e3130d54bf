import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import { startProgram } from './support/program.ts'

test('a second server is refused by the pid of the first, until that is killed', async () => {
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

test('a lock that is refused to its own process stays held against others', async () => {
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

test('locks of different directories do not touch each other', () => {
  const locks = [acquireDataDirLock(temporaryFolder()), acquireDataDirLock(temporaryFolder())]
  for (const lock of locks) lock.release()
})
