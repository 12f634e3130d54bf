/** Users' tokens: created and revoked at the command line, shown once, stored as hashes. */
import { randomUUID } from 'node:crypto'
import type { Credential, CredentialStore } from '#store/credentials'
import { hashSecret, newSecret } from './secrets.ts'
import { adminUser, isUserName } from './user-name.ts'

export interface TokenRequest {
  user: string
  admin: boolean
  /** Milliseconds; null: the token does not expire. */
  ttlMs: number | null
}

/** Describes what is wrong with a user's name; null if nothing is. */
export function userNameProblem(user: string, admin: boolean): string | null {
  if (isUserName(user, admin)) return null
  if (user === adminUser)
    return `the name ${adminUser} is reserved for admins: add --admin, or choose another name`
  return 'expected 1 to 255 characters without control characters'
}

/** Creates a token. The result is the only place that holds the secret. */
export async function createToken(
  store: Pick<CredentialStore, 'add'>,
  { user, admin, ttlMs }: TokenRequest,
  now: number,
): Promise<{ token: string; credential: Credential }> {
  const token = newSecret('mr_token')
  const credential: Credential = {
    id: randomUUID(),
    kind: 'token',
    user,
    admin,
    createdAt: now,
    expiresAt: ttlMs === null ? null : now + ttlMs,
    revokedAt: null,
    usedAt: null,
    parent: null,
    path: null,
  }
  await store.add(credential, hashSecret(token))
  return { token, credential }
}

const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Converts `30d`, `12h`, `90m`, `45s` or `2w` to milliseconds; null for any other text. */
export function parseDuration(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,5})([smhdw])$/.exec(text) ?? []
  const ms = unit === undefined ? undefined : units[unit]
  return ms === undefined ? null : Number(count) * ms
}
