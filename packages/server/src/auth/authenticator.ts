/**
 * From what a request brings to who is calling.
 *
 * Owns nothing: every credential but the tokens of the process (`MILLRACE_TOKEN`, the one in
 * server.json) is looked up in the store each time, so that a revoked one is refused at once.
 */
import { randomUUID } from 'node:crypto'
import type { Credential, CredentialKind, CredentialStore } from '#store/credentials'
import type { Identity } from './identity.ts'
import { type JwtVerifier, looksLikeJwt } from './jwt.ts'
import type { Principal } from './principal.ts'
import { hashSecret, newSecret, sameSecret } from './secrets.ts'
import { adminUser } from './user-name.ts'

const minute = 60_000
const day = 24 * 60 * minute
export const loginCodeTtlMs = 10 * minute
export const cookieTtlMs = 30 * day
/** Within this time a ticket must be used for the first time. */
export const ticketFirstUseMs = minute
/** A ticket whose credential does not expire ends here all the same. */
const ticketTtlMs = 30 * day

export interface AuthenticatorParts {
  credentials: CredentialStore
  /** Admin tokens that are valid as long as this process: `MILLRACE_TOKEN`, and the one in server.json. */
  adminTokens: readonly string[]
  /** Null: JSON Web Tokens are not accepted. */
  jwt: JwtVerifier | null
  now: () => number
}

export class Authenticator {
  private readonly parts: AuthenticatorParts

  constructor(parts: AuthenticatorParts) {
    // An empty one would let everybody in who sends an empty one.
    this.parts = { ...parts, adminTokens: parts.adminTokens.filter((token) => token !== '') }
  }

  /** Who a bearer token stands for; null when it is not valid. */
  async bearer(token: string): Promise<Identity | null> {
    const ofProcess = this.parts.adminTokens.find((known) => sameSecret(known, token))
    if (ofProcess !== undefined) {
      const principal = { user: adminUser, admin: true }
      return { principal, credential: null, parent: processParent(ofProcess), expiresAt: null }
    }
    const known = await this.lookUp(token, 'token')
    if (known !== null || this.parts.jwt === null || !looksLikeJwt(token)) return known
    const verified = await this.parts.jwt.verify(token)
    if (verified === null) return null
    const principal = { user: verified.user, admin: false }
    return { principal, credential: null, parent: null, expiresAt: verified.expiresAt }
  }

  /** Who a cookie stands for; null when it is not valid. */
  cookie(value: string): Promise<Identity | null> {
    return this.lookUp(value, 'cookie')
  }

  /** Who a ticket stands for, at the one path it opens; null when it is not valid there. */
  async ticket(value: string, path: string): Promise<Identity | null> {
    const identity = await this.lookUp(value, 'ticket')
    const ticket = identity?.credential
    if (identity === null || ticket == null || ticket.path !== path) return null
    if (ticket.usedAt !== null) return identity
    const at = this.parts.now()
    if (ticket.createdAt + ticketFirstUseMs <= at) return null
    await this.parts.credentials.take(hashSecret(value), at)
    return identity
  }

  /** A ticket that opens `path` as this caller; it dies with the credential the caller has shown. */
  async createTicket(identity: Identity, path: string): Promise<{ ticket: string; expiresAt: number }> {
    const until = identity.expiresAt ?? this.parts.now() + ticketTtlMs
    const { secret, credential } = await this.create(
      'ticket',
      identity.principal,
      until,
      identity.parent,
      path,
    )
    return { ticket: secret, expiresAt: Math.min(until, credential.createdAt + ticketFirstUseMs) }
  }

  /** A one-use code with which a browser logs in as this caller; what comes of it dies with `parent`. */
  async createLoginCode(
    principal: Principal,
    parent: string | null = null,
  ): Promise<{ code: string; expiresAt: number }> {
    const until = this.parts.now() + loginCodeTtlMs
    // A cookie outlives the process that printed its code: only a token in the store takes it along.
    const line = parent?.startsWith(processPrefix) ? null : parent
    const { secret } = await this.create('login', principal, until, line)
    return { code: secret, expiresAt: until }
  }

  /** Trades a login code for the value of a cookie; null when the code is unknown, used or too old. */
  async redeem(code: string): Promise<{ cookie: string; maxAgeSeconds: number } | null> {
    const at = this.parts.now()
    const hash = hashSecret(code)
    // Looked at first: what is no login code is not to be used up by being mistaken for one.
    if ((await this.parts.credentials.find(hash))?.kind !== 'login') return null
    const taken = await this.parts.credentials.take(hash, at)
    if (taken === null || !(await this.isLive(taken, at))) return null
    const { secret } = await this.create('cookie', taken, at + cookieTtlMs, taken.parent)
    return { cookie: secret, maxAgeSeconds: cookieTtlMs / 1000 }
  }

  /** Ends the credential of an identity, where it has one. */
  async end({ credential }: Identity): Promise<void> {
    if (credential !== null) await this.parts.credentials.revoke(credential.id, this.parts.now())
  }

  private async create(
    kind: CredentialKind,
    principal: Principal,
    expiresAt: number,
    parent: string | null,
    path: string | null = null,
  ): Promise<{ secret: string; credential: Credential }> {
    const secret = newSecret(`mr_${kind}`)
    const credential: Credential = {
      id: randomUUID(),
      kind,
      user: principal.user,
      admin: principal.admin,
      createdAt: this.parts.now(),
      expiresAt,
      revokedAt: null,
      usedAt: null,
      parent,
      path,
    }
    await this.parts.credentials.add(credential, hashSecret(secret))
    return { secret, credential }
  }

  private async lookUp(secret: string, kind: CredentialKind): Promise<Identity | null> {
    const credential = await this.parts.credentials.find(hashSecret(secret))
    if (credential === null || credential.kind !== kind) return null
    if (!(await this.isLive(credential, this.parts.now()))) return null
    const { user, admin, id, expiresAt } = credential
    return { principal: { user, admin }, credential, parent: id, expiresAt }
  }

  private async isLive({ id, parent }: Credential, at: number): Promise<boolean> {
    const ofProcess = parent?.startsWith(processPrefix) ?? false
    if (ofProcess && !this.parts.adminTokens.some((token) => processParent(token) === parent)) return false
    return (await this.parts.credentials.dead([id], at)).length === 0
  }
}

const processPrefix = 'process:'

/** Names a token of the process as the parent of a ticket, without giving it away. */
function processParent(token: string): string {
  return `${processPrefix}${hashSecret(token)}`
}
