/** The callers: Olga owns the runs under test, Otto does not, Ada is an admin. */
import { randomUUID } from 'node:crypto'
import { hashSecret, newSecret } from '#auth/secrets'
import { createToken } from '#auth/tokens'
import type { Credential, CredentialStore } from '#store/credentials'

export interface Tokens {
  owner: string
  ownerId: string
  other: string
  admin: string
  expired: string
  revoked: string
}

/** Makes their tokens, as the command line does. */
export async function people(store: CredentialStore): Promise<Tokens> {
  const now = Date.now()
  const make = (user: string, admin = false, ttlMs: number | null = null, at = now) =>
    createToken(store, { user, admin, ttlMs }, at)
  const owner = await make('olga')
  const revoked = await make('olga')
  await store.revoke(revoked.credential.id, now)
  return {
    owner: owner.token,
    ownerId: owner.credential.id,
    other: (await make('otto')).token,
    admin: (await make('ada', true)).token,
    expired: (await make('olga', false, 1000, now - 5000)).token,
    revoked: revoked.token,
  }
}

/** A credential as a face would make it. */
export async function addCredential(
  store: CredentialStore,
  kind: Credential['kind'],
  change: Partial<Credential> = {},
): Promise<{ secret: string; credential: Credential }> {
  const secret = newSecret(`mr_${kind}`)
  const credential: Credential = {
    id: randomUUID(),
    kind,
    user: 'olga',
    admin: false,
    createdAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    revokedAt: null,
    usedAt: null,
    parent: null,
    path: null,
    ...change,
  }
  await store.add(credential, hashSecret(secret))
  return { secret, credential }
}
