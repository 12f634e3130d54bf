import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkDataDirectory } from '#cli/doctor/data-directory'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import { workspace } from '#test/config/workspace'

const of = (checks: { status: string; detail: string }[]) =>
  checks.map(({ status, detail }) => `${status} ${detail}`)

describe('a data directory that is looked at', () => {
  it('the check of a data directory writes, syncs, measures and locks it, and leaves it unchanged', async () => {
    const root = workspace()
    chmodSync(root, 0o700)
    const before = readdirSync(root)
    const checks = of(await checkDataDirectory(root))
    expect(checks).toEqual([
      `ok ${root}`,
      expect.stringMatching(/^ok a write reaches the disk \(fsync\) in/),
      expect.stringMatching(/^(ok|warn) .* (GiB free|not reliable there)$/),
      'ok mode 700',
      'ok its lock is free',
    ])
    const left = readdirSync(root).filter((name) => !before.includes(name) && !name.startsWith('lock.'))
    expect(left).toEqual([])
  })

  it('a data directory that does not exist yet is not created by the check', async () => {
    const root = workspace()
    const dataDir = join(root, 'a/b')
    const checks = await checkDataDirectory(dataDir)
    expect(checks[0]).toMatchObject({ status: 'ok', detail: `${dataDir} (will be created)` })
    expect(checks).toHaveLength(3)
    expect(readdirSync(root)).toEqual([])
  })

  it('a data directory that is too open, or in use, is reported', async () => {
    const dataDir = join(workspace(), 'data')
    mkdirSync(dataDir, { mode: 0o755 })
    chmodSync(dataDir, 0o755)
    const lock = acquireDataDirLock(dataDir)
    try {
      const checks = of(await checkDataDirectory(dataDir))
      expect(checks).toContainEqual(expect.stringMatching(/^warn mode 755: other users/))
      expect(checks).toContainEqual(
        `warn another server (pid ${process.pid}) uses the data directory ${dataDir}`,
      )
      const card = { url: 'http://127.0.0.1:4000', token: 't', pid: process.pid, startedAt: 1 }
      writeFileSync(join(dataDir, 'server.json'), JSON.stringify(card))
      expect(of(await checkDataDirectory(dataDir))).toContainEqual(
        `info in use by the server at http://127.0.0.1:4000 (pid ${process.pid})`,
      )
    } finally {
      lock.release()
    }
  })

  it('a data directory without write permission fails the check', async () => {
    const [check, ...rest] = await checkDataDirectory('/proc/millrace/data')
    expect(statSync('/proc').isDirectory()).toBe(true)
    expect([check, ...rest].some((one) => one?.status === 'fail')).toBe(true)
  })
})
