/**
 * Where credentials live. Only hashes of their secrets are stored: a thief of the data directory can
 * present none of them. (Keys of notifications are stored as they are, since they are used.)
 */

/**
 * `login` is a one-use code, `cookie` a browser's session, `token` a bearer token, `ticket` opens one stream,
 * `run` appends to one run. A `jwt` opens nothing itself: it stands for a JSON Web Token, so that a browser that
 * was logged in with one is logged out when it expires. A `push` opens nothing either: it is a browser that is notified,
 * until the login that it was made from ends. `push-keys` is the pair of keys that notifications are signed with.
 */
export type CredentialKind = 'login' | 'cookie' | 'token' | 'ticket' | 'run' | 'jwt' | 'push' | 'push-keys'

/** A ticket must be used for the first time within this time. */
export const ticketFirstUseMs = 60_000

export interface Credential {
  /** A UUID; names the credential in listings and revocations, and opens nothing. */
  id: string
  kind: CredentialKind
  user: string
  admin: boolean
  createdAt: number
  /** Null: it does not expire. */
  expiresAt: number | null
  revokedAt: number | null
  /** When a one-use credential was used. */
  usedAt: number | null
  /** The credential that it was made from and dies with, if any; `process:…` names a token of a process. */
  parent: string | null
  /**
   * The one path a ticket opens, the id of the run that a `run` token appends to, or, as JSON, where a `push` goes and what the
   * `push-keys` are; null for every other kind.
   */
  path: string | null
}

export interface CredentialStore {
  /** `hash` is the SHA-256 of the secret, in hex. */
  add(credential: Credential, hash: string): Promise<void>
  /** By a fresh read; also a credential that is expired, used or revoked. */
  find(hash: string): Promise<Credential | null>
  /** By a fresh read; null when it, or one that it was made from, is unknown, revoked or expired at `at`. */
  findLive(hash: string, at: number): Promise<Credential | null>
  /** Marks a one-use credential used. Null when it is unknown or was used before: exactly one caller wins. */
  take(hash: string, at: number): Promise<Credential | null>
  /** Revokes a credential and everything made from it. False when there is none with that id. */
  revoke(id: string, at: number): Promise<boolean>
  /** Newest first. */
  list(kind: CredentialKind): Promise<Credential[]>
  /**
   * Which of these ids are revoked, expired at `at`, or unknown, or were made from one that is. By a
   * fresh read.
   */
  dead(ids: readonly string[], at: number): Promise<string[]>
  /**
   * Forgets what expired before `at`, what opens nothing since it was revoked (a user's token aside, which stays in the list), and
   * tickets whose time for a first use is over.
   */
  sweep(at: number): Promise<void>
}
