/** Who calls, and what proved it. */
import type { Credential } from '#store/credentials'
import type { Principal } from './principal.ts'

export interface Identity {
  principal: Principal
  /** Null for what is not in the store: the tokens of this process, a JWT, a host application's user. */
  credential: Credential | null
  /** What is made from this proof dies with this: a credential's id, or the name of a token of the process. */
  parent: string | null
  /** When the proof expires, in milliseconds since the epoch; null: not by itself. */
  expiresAt: number | null
}
