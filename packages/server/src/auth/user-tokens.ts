/** Users' tokens in the store, for admins of a running server. */
import type { TokenRecord } from '@millrace/protocol'
import type { Credential, CredentialStore } from '#store/credentials'
import { createToken, type TokenRequest } from './tokens.ts'

export class UserTokens {
  readonly #store: Pick<CredentialStore, 'add' | 'list' | 'revoke'>
  readonly #now: () => number

  constructor(store: Pick<CredentialStore, 'add' | 'list' | 'revoke'>, now: () => number) {
    this.#store = store
    this.#now = now
  }

  /** Newest first. */
  async list(): Promise<TokenRecord[]> {
    return (await this.#store.list('token')).map(recordOf)
  }

  /** The result is the only place that holds the secret. */
  async create(request: TokenRequest): Promise<TokenRecord & { token: string }> {
    const { token, credential } = await createToken(this.#store, request, this.#now())
    return { ...recordOf(credential), token }
  }

  /** Returns false when there is no token of this id. Other credentials have no name here. */
  async revoke(id: string): Promise<boolean> {
    const isToken = (await this.#store.list('token')).some((token) => token.id === id)
    return isToken && this.#store.revoke(id, this.#now())
  }
}

function recordOf({ id, user, admin, createdAt, expiresAt, revokedAt }: Credential): TokenRecord {
  return { id, user, admin, createdAt, expiresAt, revokedAt }
}
