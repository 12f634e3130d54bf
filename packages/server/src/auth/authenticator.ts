/**
 * Turns the credential of a request into the identity of its caller.
 *
 * Owns nothing: except for the tokens of the process (`MILLRACE_TOKEN`, the one in server.json), each
 * credential is looked up in the store every time, so that a revoked one is refused at once.
 */
import { randomUUID } from 'node:crypto'
import {
  type Credential,
  type CredentialKind,
  type CredentialStore,
  ticketFirstUseMs,
} from '#store/credentials'
import type { Identity } from './identity.ts'
import type { JwtVerifier } from './jwt.ts'
import type { Principal } from './principal.ts'
import { hashSecret, newSecret, sameHash } from './secrets.ts'
import { adminUser } from './user-name.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
export const loginCodeTtlMs = 10 * minuteMs
export const cookieTtlMs = 30 * dayMs
/** A ticket whose credential never expires lives this long. */
const ticketTtlMs = 30 * dayMs
/** Longer than most work, shorter than forgetting about it. */
const runTokenTtlMs = 7 * dayMs

export interface AuthenticatorParts {
  credentials: CredentialStore
  /** Admin tokens that live as long as this process: `MILLRACE_TOKEN`, and the one in server.json. */
  adminTokens: readonly string[]
  /** Null: JSON Web Tokens are not accepted. */
  jwt: JwtVerifier | null
  now: () => number
}

export class Authenticator {
  readonly #parts: Omit<AuthenticatorParts, 'adminTokens'>
  /** Hashes of the admin tokens. */
  readonly #ofProcess: readonly string[]

  constructor({ adminTokens, ...parts }: AuthenticatorParts) {
    this.#parts = parts
    // An empty token would admit every caller that sends an empty one.
    this.#ofProcess = adminTokens.filter((token) => token !== '').map(hashSecret)
  }

  /**
   * Identifies the holder of a bearer token; null if it is not valid. The token of a run is valid at that run
   * alone: `runId` is the run of the request, where it takes such a token.
   */
  async bearer(token: string, runId: string | null = null): Promise<Identity | null> {
    const hash = hashSecret(token)
    const ofProcess = this.#ofProcess.find((known) => sameHash(known, hash))
    if (ofProcess !== undefined) {
      const principal = { user: adminUser, admin: true }
      return { principal, credential: null, parent: processParent(ofProcess), expiresAt: null }
    }
    const known = await this.#lookUp(
      hash,
      ({ kind, path }) => kind === 'token' || (kind === 'run' && runId !== null && path === runId),
    )
    if (known !== null || this.#parts.jwt === null || !looksLikeJwt(token)) return known
    const verified = await this.#parts.jwt.verify(token)
    if (verified === null) return null
    const principal = { user: verified.user, admin: false }
    return { principal, credential: null, parent: null, expiresAt: verified.expiresAt }
  }

  /** Identifies the holder of a cookie; null if it is not valid. */
  cookie(value: string): Promise<Identity | null> {
    return this.#lookUp(hashSecret(value), ({ kind }) => kind === 'cookie')
  }

  /** Identifies the holder of a ticket, at the one path it opens; null if it is not valid there. */
  async ticket(value: string, path: string): Promise<Identity | null> {
    const identity = await this.#lookUp(
      hashSecret(value),
      (found) => found.kind === 'ticket' && found.path === path,
    )
    const ticket = identity?.credential
    if (identity === null || ticket == null) return null
    if (ticket.usedAt !== null) return identity
    const at = this.#parts.now()
    if (ticket.createdAt + ticketFirstUseMs <= at) return null
    await this.#parts.credentials.take(hashSecret(value), at)
    return identity
  }

  /** Creates a ticket that opens `path` as this caller; it dies with the caller's own credential. */
  async createTicket(identity: Identity, path: string): Promise<{ ticket: string; expiresAt: number }> {
    const until = identity.expiresAt ?? this.#parts.now() + ticketTtlMs
    const { secret, credential } = await this.#create(
      'ticket',
      identity.principal,
      until,
      identity.parent,
      path,
    )
    return { ticket: secret, expiresAt: Math.min(until, credential.createdAt + ticketFirstUseMs) }
  }

  /** Creates a token that appends to one run, as this caller; it dies with the caller's own credential. */
  async createRunToken(identity: Identity, runId: string): Promise<{ token: string; expiresAt: number }> {
    const longest = this.#parts.now() + runTokenTtlMs
    const until = Math.min(identity.expiresAt ?? longest, longest)
    // The tokens of the process die with it, and a producer outlives it.
    const parent = identity.parent?.startsWith(processPrefix) ? null : identity.parent
    const { secret } = await this.#create('run', identity.principal, until, parent, runId)
    return { token: secret, expiresAt: until }
  }

  /**
   * Creates a one-use code that logs a browser in as `principal`. The cookie it becomes dies with the proof of the
   * caller who made the code, or of its own age.
   */
  async createLoginCode(
    principal: Principal,
    maker: Pick<Identity, 'credential' | 'parent' | 'expiresAt'> | null = null,
  ): Promise<{ code: string; expiresAt: number }> {
    const until = this.#parts.now() + loginCodeTtlMs
    const parent = maker === null ? null : await this.#parentOfLogin(principal, maker)
    const { secret } = await this.#create('login', principal, until, parent)
    return { code: secret, expiresAt: until }
  }

  /** Returns the stored credential that a browser's login dies with; null if it ends only by its own age. */
  async #parentOfLogin(
    principal: Principal,
    { credential, parent, expiresAt }: Pick<Identity, 'credential' | 'parent' | 'expiresAt'>,
  ): Promise<string | null> {
    if (credential === null && expiresAt !== null) {
      return (await this.#create('jwt', principal, expiresAt, null)).credential.id
    }
    // A cookie outlives the process that printed its code: it dies only with a token in the store.
    return parent?.startsWith(processPrefix) ? null : parent
  }

  /** Exchanges a login code for the value of a cookie; null if the code is unknown, used or too old. */
  async redeem(code: string): Promise<{ cookie: string; maxAgeSeconds: number } | null> {
    const at = this.#parts.now()
    const hash = hashSecret(code)
    // Looked up first: another kind of credential must not be used up by mistake.
    if ((await this.#parts.credentials.find(hash))?.kind !== 'login') return null
    const taken = await this.#parts.credentials.take(hash, at)
    if (taken === null || this.#hasDeadProcess(taken)) return null
    if ((await this.#parts.credentials.dead([taken.id], at)).length > 0) return null
    const { secret } = await this.#create('cookie', taken, at + cookieTtlMs, taken.parent)
    return { cookie: secret, maxAgeSeconds: cookieTtlMs / 1000 }
  }

  /** Revokes the credential of an identity, if it has one. */
  async end({ credential }: Identity): Promise<void> {
    if (credential !== null) await this.#parts.credentials.revoke(credential.id, this.#parts.now())
  }

  async #create(
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
      createdAt: this.#parts.now(),
      expiresAt,
      revokedAt: null,
      usedAt: null,
      parent,
      path,
    }
    await this.#parts.credentials.add(credential, hashSecret(secret))
    return { secret, credential }
  }

  async #lookUp(hash: string, fits: (credential: Credential) => boolean): Promise<Identity | null> {
    const credential = await this.#parts.credentials.findLive(hash, this.#parts.now())
    if (credential === null || !fits(credential) || this.#hasDeadProcess(credential)) return null
    const { user, admin, id, expiresAt } = credential
    return { principal: { user, admin }, credential, parent: id, expiresAt }
  }

  /** True when it was made from a token of a process that is not this one. */
  #hasDeadProcess({ parent }: Credential): boolean {
    if (!parent?.startsWith(processPrefix)) return false
    return !this.#ofProcess.some((hash) => processParent(hash) === parent)
  }
}

const processPrefix = 'process:'

/** Names a token of the process, by its hash, as the parent of a ticket. */
function processParent(hash: string): string {
  return `${processPrefix}${hash}`
}

/** Has the token three base64url parts? Anything else is no JWT and never reaches the verifier. */
function looksLikeJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
}
