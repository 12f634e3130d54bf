/**
 * The lock on a data directory: an exclusive transaction that stays open on `lock.db`. The operating
 * system releases it with the process, however that dies. `lock.pid` beside it only names the holder
 * in the message to the second server; no decision depends on it.
 *
 * The pid is not in `lock.db` itself: POSIX locks are released when *any* descriptor of the file is
 * closed, so a second look from the holder's own process would release it.
 */
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '@millrace/protocol'
import { failureKind } from '#store/sqlite/database'
import { makeFolder } from '#store/sqlite/folder'
import { isAlive } from './is-alive.ts'

export interface DataDirLock {
  release(): void
}

// The garbage collector would release a lock without a reference.
const held = new Set<DatabaseSync>()

/** Another process holds the lock (code `data_dir_in_use`); the message names it. */
export class DataDirInUse extends MillraceError {
  override readonly name = 'DataDirInUse'

  constructor(message: string) {
    super('data_dir_in_use', message)
  }
}

/** Takes the lock; makes the directory if it is missing. Throws a `DataDirInUse` if another process has it. */
export function acquireDataDirLock(dataDir: string): DataDirLock {
  makeFolder(dataDir)
  const pidFile = join(dataDir, 'lock.pid')
  const lockFile = join(dataDir, 'lock.db')
  // Anyone who may read the file could lock it, and keep the server out.
  if (!existsSync(lockFile)) closeSync(openSync(lockFile, 'a', 0o600))
  const db = new DatabaseSync(lockFile)
  try {
    // Nothing is ever committed; a journal on the disk would need room there.
    db.exec('PRAGMA journal_mode = MEMORY')
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (failureKind(error) !== 'busy') throw error
    throw new DataDirInUse(`another server (pid ${holder(pidFile)}) uses the data directory ${dataDir}`)
  }
  held.add(db)
  try {
    writeFileSync(`${pidFile}.new`, `${process.pid}\n`, { mode: 0o600 })
    renameSync(`${pidFile}.new`, pidFile)
  } catch (error) {
    // It only names the holder: a full disk must not keep out what would make room on it.
    if (failureKind(error) !== 'full') {
      release()
      throw error
    }
  }
  return { release }

  function release(): void {
    if (held.delete(db)) db.close()
  }
}

/** The holder writes its pid just after it takes the lock: a dead pid is that of the previous holder. */
function holder(pidFile: string): string {
  let pid = 'unknown'
  for (let tries = 0; tries < 20; tries += 1) {
    try {
      pid = readFileSync(pidFile, 'utf8').trim() || 'unknown'
      if (isAlive(Number(pid))) return pid
    } catch {
      // Not written yet.
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25)
  }
  return pid
}
