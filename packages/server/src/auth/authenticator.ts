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
    // An empty one would let everybody in who sends an empty one.
    this.parts = { ...parts, adminTokens: parts.adminTokens.filter((token) => token !== '') }
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

  /**
   * A one-use code with which a browser logs in as this principal. What comes of it dies with the
   * credential that asked for it, `from`: a revoked token leaves no cookie behind.
   */
  async createLoginCode(
    principal: Principal,
    from: Credential | null = null,
  ): Promise<{ code: string; expiresAt: number }> {
    // The first of the line, so that one look is enough to know whether it is alive.
    const parent = from === null ? null : (from.parent ?? from.id)
    const { secret, expiresAt } = await this.create('login', principal, loginCodeTtlMs, parent)
    return { code: secret, expiresAt }
  }

  /** Trades a login code for the value of a cookie; null when the code is unknown, used or too old. */
  async redeem(code: string): Promise<{ cookie: string; maxAgeSeconds: number } | null> {
    const at = this.parts.now()
    const hash = hashSecret(code)
    // Looked at first: what is no login code is not to be used up by being mistaken for one.
    if ((await this.parts.credentials.find(hash))?.kind !== 'login') return null
    const taken = await this.parts.credentials.take(hash, at)
    if (taken === null || !(await this.isLive(taken, at))) return null
    const { secret } = await this.create('cookie', taken, cookieTtlMs, taken.parent)
    return { cookie: secret, maxAgeSeconds: cookieTtlMs / 1000 }
  }

  /** Ends the credential of an identity, where it has one. */
  async end(identity: Identity): Promise<void> {
    if (identity.credential !== null) {
      await this.parts.credentials.revoke(identity.credential.id, this.parts.now())
    }
  }

  private async create(kind: CredentialKind, principal: Principal, ttlMs: number, parent: string | null) {
    const at = this.parts.now()
    const secret = newSecret(`mr_${kind}`)
    const expiresAt = at + ttlMs
    const credential: Credential = {
      id: randomUUID(),
      kind,
      user: principal.user,
      admin: principal.admin,
      createdAt: at,
      expiresAt,
      revokedAt: null,
      usedAt: null,
      parent,
      path: null,
    }
    await this.parts.credentials.add(credential, hashSecret(secret))
    return { secret, expiresAt }
  }

  private async lookUp(secret: string, kind: CredentialKind): Promise<Identity | null> {
    const credential = await this.parts.credentials.find(hashSecret(secret))
    if (credential === null || credential.kind !== kind) return null
    if (!(await this.isLive(credential, this.parts.now()))) return null
    return { principal: { user: credential.user, admin: credential.admin }, credential }
  }

  private async isLive({ revokedAt, expiresAt, parent }: Credential, at: number): Promise<boolean> {
    if (revokedAt !== null || (expiresAt !== null && expiresAt <= at)) return false
    return parent === null || (await this.parts.credentials.dead([parent], at)).length === 0
  }
}
