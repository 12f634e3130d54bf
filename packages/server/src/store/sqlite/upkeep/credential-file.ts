/**
 * The credentials of a data directory without a server: for the command line, which creates and revokes
 * tokens even while a server runs on the same file (SQLite's own locks keep the two apart).
 */

import type { CredentialOperation, OperationResult } from '#store/batched/operations'
import type { CredentialStore } from '#store/credentials'
import { databasePath, openForWriting } from '#store/sqlite/database'
import { migrate } from '#store/sqlite/migrations'
import { createCredentialReader } from '#store/sqlite/reader/credential-reader'
import { createCredentialWriter } from '#store/sqlite/writer/credential-writer'
import { checkNothingLost, noteFolded } from './state-file.ts'

/** Creates the database if it is missing: a token may be older than the first start of the server. */
export function openCredentialFile(dataDir: string): CredentialStore & { close(): void } {
  const path = databasePath(dataDir)
  checkNothingLost(path)
  const db = openForWriting(path)
  migrate(db)
  const apply = createCredentialWriter(db)
  const reader = createCredentialReader(db)
  const write = (operation: CredentialOperation): OperationResult => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = apply(operation)
      db.exec('COMMIT')
      return result
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
  return {
    async add(credential, hash) {
      write({ op: 'credential-add', credential, hash })
    },
    async take(hash, at) {
      const result = write({ op: 'credential-take', hash, at })
      return result.kind === 'credential' ? result.credential : null
    },
    revoke: async (id, at) => write({ op: 'credential-revoke', id, at }).kind === 'done',
    async sweep(at) {
      write({ op: 'credential-sweep', at })
    },
    find: async (hash) => reader.find(hash),
    findLive: async (hash, at) => reader.findLive(hash, at),
    list: async (kind) => reader.list(kind),
    dead: async (ids, at) => reader.dead(ids, at),
    close() {
      db.close()
      noteFolded(path)
    },
  }
}
