/**
 * Copies the database of a running server, from another process, into one file that needs nothing else.
 *
 * `VACUUM INTO` reads in one transaction: the copy is the database of one moment, whatever is written
 * meanwhile. (The backup API starts over whenever another process has written: beside a busy server it
 * never ends.) The copy has no free pages, and so no deleted data.
 *
 * Invariant: under the requested name there is nothing, or a whole, checked copy on the disk.
 */
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '@millrace/protocol'
import { databasePath, openForReading } from '#store/sqlite/database'
import { checkCopy, syncToDisk } from './database-copy.ts'

/**
 * Writes the backup to `file`, readable by nobody else. Fails with `invalid_request` if the file exists, or
 * if the copy, and so the database, is damaged.
 */
export function backUp(dataDir: string, file: string): { runs: number; bytes: number } {
  if (existsSync(file)) throw occupied(file)
  const partial = `${file}.partial-${process.pid}`
  // SQLite accepts an empty file, and keeps its mode.
  closeSync(openSync(partial, 'wx', 0o600))
  try {
    const source = openForReading(databasePath(dataDir))
    try {
      source.prepare('VACUUM INTO ?').run(partial)
    } finally {
      source.close()
    }
    const { runs } = checked(partial, dataDir)
    syncToDisk(partial)
    giveName(partial, file)
    syncToDisk(dirname(file))
    return { runs, bytes: statSync(file).size }
  } finally {
    rmSync(partial, { force: true })
  }
}

function checked(partial: string, dataDir: string) {
  const copy = new DatabaseSync(partial, { readOnly: true })
  try {
    return checkCopy(copy, `the copy of ${databasePath(dataDir)}`)
  } finally {
    copy.close()
  }
}

/** A link fails if the name was taken meanwhile; a rename would overwrite. */
function giveName(partial: string, file: string): void {
  try {
    linkSync(partial, file)
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw occupied(file)
    // Some file systems have no hard links.
    if (!isCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP')) throw error
    renameSync(partial, file)
  }
}

function occupied(file: string): MillraceError {
  return new MillraceError('invalid_request', `${file} exists: a backup overwrites nothing`)
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
