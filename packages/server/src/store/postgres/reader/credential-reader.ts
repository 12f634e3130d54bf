/** Reads credentials: by their hash, by kind, and which of some are dead. */
import type { Credential, CredentialKind } from '#store/credentials'
import { credentialColumns } from '#store/postgres/rows'
import type { Query } from './query.ts'

const byHash = { name: 'credential', text: `SELECT ${credentialColumns} FROM credentials WHERE hash = $1` }
const ofKind = {
  name: 'credentials',
  text: `SELECT ${credentialColumns} FROM credentials WHERE kind = $1 ORDER BY created_at DESC, id COLLATE "C"`,
}
/** Alive is what is alive itself, and so is all it was made from; the tokens of a process are not in here. */
const notLiving = {
  name: 'dead credentials',
  text: `WITH RECURSIVE line (first, id) AS (
      SELECT x, x FROM unnest($1::text[]) AS x
      UNION SELECT line.first, credentials.parent FROM line JOIN credentials ON credentials.id = line.id
        WHERE credentials.parent IS NOT NULL AND credentials.parent NOT LIKE 'process:%')
    SELECT DISTINCT line.first AS id FROM line LEFT JOIN credentials ON credentials.id = line.id
      WHERE credentials.id IS NULL OR revoked_at IS NOT NULL OR expires_at <= $2`,
}

export function createCredentialReader(query: Query) {
  const find = async (hash: string): Promise<Credential | null> =>
    (await query<Credential>(byHash, [hash]))[0] ?? null
  const dead = async (ids: readonly string[], at: number): Promise<string[]> =>
    (await query<{ id: string }>(notLiving, [ids, at])).map(({ id }) => id)

  return {
    find,
    async findLive(hash: string, at: number): Promise<Credential | null> {
      const found = await find(hash)
      return found === null || (await dead([found.id], at)).length > 0 ? null : found
    },
    list: (kind: CredentialKind): Promise<Credential[]> => query(ofKind, [kind]),
    dead,
  }
}
