/** What operations on credentials do. */
import type { CredentialOperation, OperationResult } from '#store/batched/operations'
import { type Credential, ticketFirstUseMs } from '#store/credentials'
import type { Statement } from '#store/postgres/connection'
import { credentialColumns } from '#store/postgres/rows'
import * as rules from '#store/rules/credentials'
import { refusal } from '#store/rules/refusal'
import type { Transaction } from './transaction.ts'

const insert: Statement = {
  name: 'add credential',
  text: `INSERT INTO credentials
    (hash, id, kind, "user", admin, created_at, expires_at, revoked_at, used_at, parent, path)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING id`,
}
const lock: Statement = {
  name: 'lock credential',
  text: `SELECT ${credentialColumns} FROM credentials WHERE hash = $1 FOR UPDATE`,
}
const use: Statement = { name: 'use credential', text: 'UPDATE credentials SET used_at = $2 WHERE hash = $1' }
/** Everything made from it, however many steps down, dies with it. In one order, so that two that revoke do not block each other. */
const revoke: Statement = {
  name: 'revoke credential',
  text: `WITH RECURSIVE line (id) AS (
      SELECT id FROM credentials WHERE id = $1
      UNION SELECT credentials.id FROM credentials JOIN line ON credentials.parent = line.id),
    locked AS MATERIALIZED (
      SELECT id FROM credentials WHERE id IN (SELECT id FROM line) ORDER BY id FOR UPDATE)
    UPDATE credentials SET revoked_at = coalesce(revoked_at, $2) WHERE id IN (SELECT id FROM locked) RETURNING id`,
}
const sweep: Statement = {
  name: 'sweep credentials',
  text: `DELETE FROM credentials WHERE expires_at < $1
    OR (revoked_at IS NOT NULL AND kind <> 'token')
    OR (kind = 'ticket' AND used_at IS NULL AND created_at < $1 - ${ticketFirstUseMs})`,
}

export async function writeCredential(
  operation: CredentialOperation,
  tx: Transaction,
): Promise<OperationResult> {
  switch (operation.op) {
    case 'credential-add':
      return add(operation.credential, operation.hash, tx)
    case 'credential-take': {
      const { hash, at } = operation
      const [found] = await tx.ask<Credential>(lock, [hash])
      const taken = rules.take(found, at)
      if (taken === null) return { kind: 'none' }
      tx.post(use, [hash, taken.usedAt])
      return { kind: 'credential', credential: taken }
    }
    case 'credential-revoke': {
      const revoked = await tx.ask(revoke, [operation.id, operation.at])
      return revoked.length === 0 ? { kind: 'none' } : { kind: 'done' }
    }
    case 'credential-sweep':
      tx.post(sweep, [operation.at])
      return { kind: 'done' }
    default:
      return operation satisfies never
  }
}

async function add(credential: Credential, hash: string, tx: Transaction): Promise<OperationResult> {
  const { id, kind, user, admin, createdAt, expiresAt, revokedAt, usedAt, parent, path } = credential
  const values = [hash, id, kind, user, admin, createdAt, expiresAt, revokedAt, usedAt, parent, path]
  const added = await tx.ask(insert, values)
  return added.length === 0
    ? refusal('internal', `There is a credential ${id} already`)
    : { kind: 'credential', credential }
}
