/** Checks whether a data directory can keep a server's promises. Leaves it unchanged. */
import { randomUUID } from 'node:crypto'
import { access, constants, open, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '@millrace/protocol'
import { readCard } from '#cli/connect'
import { acquireDataDirLock } from '#store/sqlite/upkeep/data-directory'
import { isAlive } from '#store/sqlite/upkeep/is-alive'
import type { Check } from './check.ts'

const name = 'data directory'
const scarceBytes = 1024 ** 3
const tooFewBytes = 64 * 1024 ** 2

// statfs(2). Where locks and fsync are unreliable, SQLite is too.
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9p'],
])

export async function checkDataDirectory(dataDir: string): Promise<Check[]> {
  const existing = await nearestExisting(dataDir)
  const created = existing === dataDir
  const where: Check = { name, status: 'ok', detail: created ? dataDir : `${dataDir} (will be created)` }
  try {
    await access(existing, constants.W_OK | constants.X_OK)
  } catch {
    return [{ ...where, status: 'fail', detail: `this user may not write to ${existing}` }]
  }
  const checks = [where, await checkSync(existing), await checkSpace(existing)]
  if (created) checks.push(await checkMode(dataDir), await checkLock(dataDir))
  return checks
}

async function nearestExisting(path: string): Promise<string> {
  const exists = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return exists || dirname(path) === path ? path : nearestExisting(dirname(path))
}

async function checkSync(directory: string): Promise<Check> {
  const path = join(directory, `.millrace-doctor-${randomUUID()}`)
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      const startedAt = performance.now()
      await file.writeFile('x')
      await file.sync()
      const took = performance.now() - startedAt
      return { name, status: 'ok', detail: `a write reaches the disk (fsync) in ${took.toFixed(1)} ms` }
    } finally {
      await file.close()
      await rm(path, { force: true })
    }
  } catch (error) {
    return { name, status: 'fail', detail: `a write does not reach the disk: ${messageOf(error)}` }
  }
}

async function checkSpace(directory: string): Promise<Check> {
  const { bavail, bsize, type } = await statfs(directory)
  const free = bavail * bsize
  const network = networkFileSystems.get(type)
  if (network !== undefined) {
    return { name, status: 'warn', detail: `it is on ${network}: locks and fsync are not reliable there` }
  }
  const status = free < tooFewBytes ? 'fail' : free < scarceBytes ? 'warn' : 'ok'
  return { name, status, detail: `${(free / 1024 ** 3).toFixed(1)} GiB free` }
}

async function checkMode(dataDir: string): Promise<Check> {
  const mode = (await stat(dataDir)).mode & 0o777
  const open = (mode & 0o077) !== 0
  const detail = `mode ${mode.toString(8)}${open ? ': other users may read it (expected 700)' : ''}`
  return { name, status: open ? 'warn' : 'ok', detail }
}

/** Takes the lock for a moment, if no server seems to run: a server that is starting must not be refused because of us. */
async function checkLock(dataDir: string): Promise<Check> {
  const card = await readCard(dataDir)
  if (card !== null && isAlive(card.pid)) {
    return { name, status: 'info', detail: `in use by the server at ${card.url} (pid ${card.pid})` }
  }
  try {
    acquireDataDirLock(dataDir).release()
    return { name, status: 'ok', detail: 'its lock is free' }
  } catch (error) {
    return { name, status: 'warn', detail: messageOf(error) }
  }
}
