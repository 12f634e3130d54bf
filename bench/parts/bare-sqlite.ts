/** The least a durable log needs of SQLite: one table, one row an event, every commit on the disk. */
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

export interface BareLog {
  db: DatabaseSync
  begin: StatementSync
  commit: StatementSync
  insert: StatementSync
}

export function openBare(folder: string): BareLog {
  const db = new DatabaseSync(join(folder, 'bare.db'))
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA cache_size = -16384;
    CREATE TABLE events (run INTEGER, seq INTEGER, at INTEGER, type TEXT, json TEXT, PRIMARY KEY (run, seq)) STRICT;
  `)
  return {
    db,
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    insert: db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?)'),
  }
}
