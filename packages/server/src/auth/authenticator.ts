/**
 * From a request's credentials to a principal.
 *
 * Owns nothing: every credential but the two given at the start (the admin token from outside, the
 * one in server.json) is looked up in the store each time, so that a revoked one is refused at once.
 */
import { randomUUID } from 'node:crypto'
import type { Credential, CredentialKind, CredentialStore } from '../store/credentials.ts'
import type { Principal } from './principal.ts'
import { hashSecret, newSecret, sameSecret } from './secrets.ts'

const minute = 60_000
export const loginCodeTtlMs = 10 * minute
export const cookieTtlMs = 30 * 24 * 60 * minute

/** A principal, and the credential that proved it: null for the tokens that live as long as the server. */
export interface Identity {
  principal: Principal
  credential: Credential | null
}

export interface AuthenticatorParts {
  credentials: CredentialStore
  /** Admin tokens that are valid as long as this process: `MILLRACE_TOKEN`, and the one in server.json. */
  adminTokens: readonly string[]
  now: () => number
}

/** The name under which the admin tokens of the process act. */
const adminUser = 'admin'

export class Authenticator {
  private readonly parts: AuthenticatorParts

  constructor(parts: AuthenticatorParts) {
    this.parts = parts
  }

  /** Who a bearer token stands for; null when it is not valid. */
  async bearer(token: string): Promise<Identity | null> {
    if (this.parts.adminTokens.some((known) => sameSecret(known, token))) {
      return { principal: { user: adminUser, admin: true }, credential: null }
    }
    return this.lookUp(token, 'token')
  }

  /** Who a cookie stands for; null when it is not valid. */
  cookie(value: string): Promise<Identity | null> {
    return this.lookUp(value, 'cookie')
  }

  /** A one-use code with which a browser logs in as this principal. */
  async createLoginCode(principal: Principal): Promise<{ code: string; expiresAt: number }> {
    const { secret, credential } = await this.create('login', principal, loginCodeTtlMs)
    return { code: secret, expiresAt: credential.expiresAt ?? 0 }
  }

  /** Trades a login code for the value of a cookie; null when the code is unknown, used or too old. */
  async redeem(code: string): Promise<{ cookie: string; maxAgeSeconds: number } | null> {
    const at = this.parts.now()
    const taken = await this.parts.credentials.take(hashSecret(code), at)
    if (taken === null || taken.kind !== 'login' || !isLive(taken, at)) return null
    const { secret } = await this.create('cookie', taken, cookieTtlMs)
    return { cookie: secret, maxAgeSeconds: cookieTtlMs / 1000 }
  }

  /** Ends the credential of an identity, where it has one. */
  async end(identity: Identity): Promise<void> {
    if (identity.credential !== null) {
      await this.parts.credentials.revoke(identity.credential.id, this.parts.now())
    }
  }

  private async create(kind: CredentialKind, principal: Principal, ttlMs: number) {
    const at = this.parts.now()
    const secret = newSecret(`mr_${kind}`)
    const credential: Credential = {
      id: randomUUID(),
      kind,
      user: principal.user,
      admin: principal.admin,
      createdAt: at,
      expiresAt: at + ttlMs,
      revokedAt: null,
      usedAt: null,
      parent: null,
      path: null,
    }
    await this.parts.credentials.add(credential, hashSecret(secret))
    return { secret, credential }
  }

  private async lookUp(secret: string, kind: CredentialKind): Promise<Identity | null> {
    const credential = await this.parts.credentials.find(hashSecret(secret))
    if (credential === null || credential.kind !== kind || !isLive(credential, this.parts.now())) return null
    return { principal: { user: credential.user, admin: credential.admin }, credential }
  }
}

function isLive(credential: Credential, at: number): boolean {
  return credential.revokedAt === null && (credential.expiresAt === null || credential.expiresAt > at)
}
