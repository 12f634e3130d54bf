/** Reads credentials: by their hash, by kind, and which of some are dead. */
import type { DatabaseSync } from 'node:sqlite'
import type { Credential, CredentialKind } from '../credentials.ts'
import { credentialColumns, toCredential } from './credential-row.ts'

export interface CredentialReader {
  find(hash: string): Credential | null
  list(kind: CredentialKind): Credential[]
  dead(ids: readonly string[], at: number): string[]
}

export function createCredentialReader(db: DatabaseSync): CredentialReader {
  const byHash = db.prepare(`SELECT ${credentialColumns} FROM credentials WHERE hash = ?`)
  const ofKind = db.prepare(`SELECT ${credentialColumns} FROM credentials WHERE kind = ?
    ORDER BY created_at DESC, id`)
  const notLiving = db.prepare(`SELECT value AS id FROM json_each(?) WHERE value NOT IN (
      SELECT id FROM credentials WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?))`)
  return {
    find: (hash) => {
      const row = byHash.get(hash)
      return row === undefined ? null : toCredential(row)
    },
    list: (kind) => ofKind.all(kind).map(toCredential),
    dead: (ids, at) => notLiving.all(JSON.stringify(ids), at).map(({ id }) => String(id)),
  }
}
