/** When a credential opens something, and what a use, a revocation or time makes of it. */
import { type Credential, ticketFirstUseMs } from '#store/credentials'

/** A one-use credential is used once. Null: it was used before, or there is none. */
export function take(credential: Credential | undefined, at: number): Credential | null {
  return credential === undefined || credential.usedAt !== null ? null : { ...credential, usedAt: at }
}

/** What was revoked stays revoked since then. */
export function revoke(credential: Credential, at: number): Credential {
  return { ...credential, revokedAt: credential.revokedAt ?? at }
}

/** A credential is dead when it, or one that it was made from, is unknown, revoked or expired. */
export function isDead(credential: Credential | undefined, at: number): boolean {
  if (credential === undefined || credential.revokedAt !== null) return true
  return credential.expiresAt !== null && credential.expiresAt <= at
}

/** The stored credential it was made from, if any; a process is none. */
export function storedParent({ parent }: Credential): string | null {
  return parent === null || parent.startsWith('process:') ? null : parent
}

/**
 * A sweep forgets what expired before its time, and what can be made by the thousand and opens nothing: what was revoked (but not a
 * user's token, which is listed as such), and tickets that were not used in time. An unknown credential is as dead as these.
 */
export function isSwept({ kind, createdAt, expiresAt, revokedAt, usedAt }: Credential, at: number): boolean {
  if (expiresAt !== null && expiresAt < at) return true
  if (revokedAt !== null && kind !== 'token') return true
  return kind === 'ticket' && usedAt === null && createdAt + ticketFirstUseMs < at
}
