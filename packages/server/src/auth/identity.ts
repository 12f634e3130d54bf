/** Who is calling, and by what proof. */
import type { Credential } from '#store/credentials'
import type { Principal } from './principal.ts'

export interface Identity {
  principal: Principal
  /** Null for proofs outside the store: the tokens of this process, a JWT, a host application's user. */
  credential: Credential | null
  /** Credentials made from this proof die with it: a credential's id, or the name of a token of the process. */
  parent: string | null
  /** When the proof expires, in milliseconds since the epoch; null: never by itself. */
  expiresAt: number | null
}
