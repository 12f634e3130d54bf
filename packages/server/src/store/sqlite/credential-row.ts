/** A credential's row, and the credential made of it. */
import type { Credential, CredentialKind } from '#store/credentials'

export const credentialColumns =
  'id, kind, user, admin, created_at, expires_at, revoked_at, used_at, parent, path'

export function toCredential(row: Record<string, unknown>): Credential {
  return {
    id: String(row.id),
    kind: row.kind as CredentialKind,
    user: String(row.user),
    admin: row.admin === 1,
    createdAt: Number(row.created_at),
    expiresAt: numberOrNull(row.expires_at),
    revokedAt: numberOrNull(row.revoked_at),
    usedAt: numberOrNull(row.used_at),
    parent: row.parent === null ? null : String(row.parent),
    path: row.path === null ? null : String(row.path),
  }
}

function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value)
}
