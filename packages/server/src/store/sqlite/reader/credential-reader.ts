/** Reads credentials: by their hash, by kind, and which of some are dead. */
import type { DatabaseSync } from 'node:sqlite'
import type { Credential, CredentialKind } from '#store/credentials'
import { credentialColumns, toCredential } from '#store/sqlite/credential-row'

export interface CredentialReader {
  find(hash: string): Credential | null
  findLive(hash: string, at: number): Credential | null
  list(kind: CredentialKind): Credential[]
  dead(ids: readonly string[], at: number): string[]
}

export function createCredentialReader(db: DatabaseSync): CredentialReader {
  const byHash = db.prepare(`SELECT ${credentialColumns} FROM credentials WHERE hash = ?`)
  const ofKind = db.prepare(`SELECT ${credentialColumns} FROM credentials WHERE kind = ?
    ORDER BY created_at DESC, id`)
  // Alive is what is alive itself, and so is all it was made from; the tokens of a process are not in here.
  const notLiving = db.prepare(`WITH RECURSIVE line (first, id) AS (
      SELECT value, value FROM json_each(?)
      UNION SELECT line.first, credentials.parent FROM line JOIN credentials ON credentials.id = line.id
        WHERE credentials.parent IS NOT NULL AND credentials.parent NOT LIKE 'process:%')
    SELECT DISTINCT line.first AS id FROM line LEFT JOIN credentials ON credentials.id = line.id
      WHERE credentials.id IS NULL OR revoked_at IS NOT NULL OR expires_at <= ?`)
  const dead = (ids: readonly string[], at: number): string[] =>
    notLiving.all(JSON.stringify(ids), at).map(({ id }) => String(id))
  const find = (hash: string): Credential | null => {
    const row = byHash.get(hash)
    return row === undefined ? null : toCredential(row)
  }
  return {
    find,
    findLive(hash, at) {
      const found = find(hash)
      return found === null || dead([found.id], at).length > 0 ? null : found
    },
    list: (kind) => ofKind.all(kind).map(toCredential),
    dead,
  }
}
