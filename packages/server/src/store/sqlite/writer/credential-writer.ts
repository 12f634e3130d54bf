/** What operations on credentials do, inside the transaction of their batch. */
import type { DatabaseSync } from 'node:sqlite'
import type { CredentialOperation, OperationResult } from '#store/batched/operations'
import { type Credential, ticketFirstUseMs } from '#store/credentials'
import * as rules from '#store/rules/credentials'
import { credentialColumns, toCredential } from '#store/sqlite/credential-row'

export function createCredentialWriter(
  db: DatabaseSync,
): (operation: CredentialOperation) => OperationResult {
  const insert = db.prepare(`INSERT INTO credentials
    (hash, id, kind, user, admin, created_at, expires_at, revoked_at, used_at, parent, path)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const select = db.prepare(`SELECT ${credentialColumns} FROM credentials WHERE hash = ?`)
  const use = db.prepare('UPDATE credentials SET used_at = ? WHERE hash = ?')
  // Everything made from it, however many steps down, dies with it.
  const revoke = db.prepare(`WITH RECURSIVE line (id) AS (
      SELECT id FROM credentials WHERE id = $id
      UNION SELECT credentials.id FROM credentials JOIN line ON credentials.parent = line.id)
    UPDATE credentials SET revoked_at = coalesce(revoked_at, $at) WHERE id IN (SELECT id FROM line)`)
  const sweep = db.prepare(`DELETE FROM credentials WHERE expires_at < $at
    OR (revoked_at IS NOT NULL AND kind <> 'token')
    OR (kind = 'ticket' AND used_at IS NULL AND created_at < $at - ${ticketFirstUseMs})`)

  function add(credential: Credential, hash: string): OperationResult {
    const { id, kind, user, admin, createdAt, expiresAt, revokedAt, usedAt, parent, path } = credential
    insert.run(hash, id, kind, user, Number(admin), createdAt, expiresAt, revokedAt, usedAt, parent, path)
    return { kind: 'credential', credential }
  }

  function take(hash: string, at: number): OperationResult {
    const found = select.get(hash)
    const taken = rules.take(found === undefined ? undefined : toCredential(found), at)
    if (taken === null) return { kind: 'none' }
    use.run(taken.usedAt, hash)
    return { kind: 'credential', credential: taken }
  }

  return (operation) => {
    switch (operation.op) {
      case 'credential-add':
        return add(operation.credential, operation.hash)
      case 'credential-take':
        return take(operation.hash, operation.at)
      case 'credential-revoke':
        return revoke.run({ id: operation.id, at: operation.at }).changes === 0
          ? { kind: 'none' }
          : { kind: 'done' }
      case 'credential-sweep':
        sweep.run({ at: operation.at })
        return { kind: 'done' }
      default:
        return operation satisfies never
    }
  }
}
