/** Opens the database file, and classifies the errors of SQLite. */
import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeFolder } from './folder.ts'

export function databasePath(dataDir: string): string {
  return join(dataDir, 'millrace.db')
}

/** The size to which a write-ahead log shrinks when it is reset. */
export const walKeptBytes = 64 * 1024 * 1024

/** Opens the file for writing; creates it and its directory if missing, readable by nobody else. */
export function openForWriting(path: string): DatabaseSync {
  makeFolder(dirname(path))
  // SQLite gives its -wal and -shm files the mode of the database file. An existing file is not touched:
  // closing any descriptor of an open database would drop this process's locks on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  const db = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: false })
  // So that the space of deleted rows can be returned piece by piece. Has an effect only on a file without tables.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL')
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
  if (mode !== 'wal') throw new Error(`the file system of ${path} cannot hold a write-ahead log`)
  // A checkpoint every 16 MiB rather than 4, since each stops the writer for two fsyncs.
  db.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = ${walKeptBytes};
    PRAGMA cache_size = -16384;
  `)
  return db
}

export function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: 5000, enableForeignKeyConstraints: false })
}

export type FailureKind =
  /** No room now; may pass. */
  | 'full'
  /** Another program holds a lock; may pass. */
  | 'busy'
  /** The disk or the file is broken; from now on nothing may be acknowledged. */
  | 'failed'
  /** A rule of the schema was broken. */
  | 'constraint'
  /** Anything else: the fault of that one operation. */
  | 'other'

// https://sqlite.org/rescode.html
const busy = 5
const readOnly = 8
const ioError = 10
const corrupt = 11
const full = 13
const cannotOpen = 14
const constraint = 19
const notADatabase = 26
/** The shared-memory index could not grow: another name for a full disk. */
const ioErrorShmSize = 4874

export function failureKind(error: unknown): FailureKind {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return 'full'
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
  if (code === ioErrorShmSize) return 'full'
  switch (code & 0xff) {
    case full:
      return 'full'
    case busy:
      return 'busy'
    case readOnly:
    case ioError:
    case corrupt:
    case cannotOpen:
    case notADatabase:
      return 'failed'
    case constraint:
      return 'constraint'
    default:
      return 'other'
  }
}

/** Not the one of the protocol: the store's threads load neither that package nor the library it is written with. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
