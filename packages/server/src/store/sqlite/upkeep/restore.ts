/**
 * Replaces a data directory's database by a backup.
 *
 * The backup is copied, checked and given a new epoch beside the database; one rename then puts it in
 * its place. Invariants: at every moment the directory has a whole database, the old or the new one; the
 * old one stays, under another name; no write-ahead log of one is ever beside the other.
 */
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '@millrace/protocol'
import { databasePath } from '#store/sqlite/database'
import { type CopyFacts, checkCopy, syncToDisk } from './database-copy.ts'
import { acquireDataDirLock } from './lock.ts'
import { writeState } from './state-file.ts'

export interface Restored extends CopyFacts {
  /** Where the old database is; null if there was none. */
  aside: string | null
}

/**
 * Fails with a `DataDirInUse` while a server has the directory, and with `invalid_request` if the file is
 * missing, damaged or no backup; then nothing is changed. `at`: milliseconds since the epoch.
 */
export function restore(dataDir: string, file: string, at: number): Restored {
  const path = databasePath(dataDir)
  if (!existsSync(file)) throw new MillraceError('invalid_request', `there is no file ${file}`)
  const lock = acquireDataDirLock(dataDir)
  const fresh = `${path}.restoring`
  try {
    if (isSame(file, path)) throw new MillraceError('invalid_request', `${file} is the database itself`)
    const facts = prepare(file, fresh)
    const aside = existsSync(path) ? setAside(path, `${path}.before-restore-${stamp(at)}`) : null
    renameSync(fresh, path)
    // It has no log; and what was lost before is no longer missed.
    writeState(path, 'closed')
    syncToDisk(dataDir)
    return { ...facts, aside }
  } finally {
    removeWithCompanions(fresh)
    lock.release()
  }
}

/** Makes the new database of the backup: one whole file on the disk, with an epoch of its own. */
function prepare(file: string, fresh: string): CopyFacts {
  removeWithCompanions(fresh)
  copyFileSync(file, fresh, constants.COPYFILE_FICLONE)
  // A database that was set aside may have its write-ahead log beside it.
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${fresh}-wal`)
  chmodSync(fresh, 0o600)
  const db = new DatabaseSync(fresh)
  try {
    const { runs } = checkCopy(db, file)
    const epoch = randomUUID()
    db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(epoch)
    // Folds a log into the file, and needs none from here on.
    db.exec('PRAGMA journal_mode = DELETE')
    db.close()
    syncToDisk(fresh)
    return { runs, epoch }
  } finally {
    if (db.isOpen) db.close()
  }
}

/** Gives the database a second name, so that the first one can be replaced. */
function setAside(path: string, aside: string): string {
  try {
    const db = new DatabaseSync(path)
    try {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      db.close()
    }
  } catch {
    // It may be replaced because it is broken: then its log stays with it unchanged.
  }
  try {
    linkSync(path, aside)
  } catch {
    copyFileSync(path, aside, constants.COPYFILE_EXCL)
    syncToDisk(aside)
  }
  const log = `${path}-wal`
  if (existsSync(log) && statSync(log).size > 0) renameSync(log, `${aside}-wal`)
  rmSync(log, { force: true })
  rmSync(`${path}-shm`, { force: true })
  return aside
}

function removeWithCompanions(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
}

function isSame(one: string, other: string): boolean {
  if (!existsSync(other)) return false
  const [a, b] = [statSync(one), statSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}

/** `2026-11-20T23-30-00.123Z` */
function stamp(at: number): string {
  return new Date(at).toISOString().replaceAll(':', '-')
}
