/**
 * Which browsers of which users are to be notified, and the keys with which that is signed.
 *
 * Both are credentials of the store, so that all nodes have them, and a subscription ends with the login of its browser.
 * Invariants: an endpoint has one live subscription; a user has a bounded number.
 */
import { randomUUID } from 'node:crypto'
import { MillraceError } from '@millrace/protocol'
import type { Identity } from '#auth/identity'
import { hashSecret, newSecret } from '#auth/secrets'
import type { Credential, CredentialKind, CredentialStore } from '#store/credentials'
import type { BrowserKeys } from './encryption.ts'
import { newSigningKeys, type SigningKeys } from './signing.ts'

export interface BrowserSubscription {
  endpoint: string
  keys: BrowserKeys
}

/** One of the store's. */
export interface KeptSubscription extends BrowserSubscription {
  id: string
  user: string
}

export interface SubscriptionsParts {
  credentials: CredentialStore
  /** Hosts of push services (`*.example.org`), or whole origins. */
  services: readonly string[]
  now: () => number
}

const ttlMs = 30 * 86_400_000
const perUserMost = 20

export class PushSubscriptions {
  readonly #parts: SubscriptionsParts
  #keys: Promise<SigningKeys> | null = null

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts
  }

  /** The keys; the first call ever makes them. */
  keys(): Promise<SigningKeys> {
    this.#keys ??= this.#openKeys().catch((error: unknown) => {
      this.#keys = null
      throw error
    })
    return this.#keys
  }

  /** Notifies a browser from now on, as the caller, until the caller's login ends. Refuses other services than the known ones. */
  async add(identity: Identity, { endpoint, keys }: BrowserSubscription): Promise<void> {
    if (!isServedBy(endpoint, this.#parts.services)) {
      const expected = `an endpoint of a known push service (${this.#parts.services.join(', ')})`
      throw new MillraceError('invalid_request', `endpoint must be ${expected}`, {
        fields: [{ path: 'endpoint', expected }],
      })
    }
    const live = await this.#live()
    const ofUser = live.filter(({ user }) => user === identity.principal.user)
    const replaced = live.filter((one) => one.endpoint === endpoint)
    for (const { id } of [...replaced, ...ofUser.slice(perUserMost - 1)]) await this.end(id)
    const until = this.#parts.now() + ttlMs
    await this.#add('push', JSON.stringify({ endpoint, keys }), {
      user: identity.principal.user,
      expiresAt: Math.min(identity.expiresAt ?? until, until),
      parent: identity.parent?.startsWith('process:') ? null : identity.parent,
    })
  }

  /** Ends the caller's subscription of an endpoint, if there is one. */
  async remove(user: string, endpoint: string): Promise<void> {
    for (const one of await this.#live())
      if (one.user === user && one.endpoint === endpoint) await this.end(one.id)
  }

  /** Those of a user that are alive. */
  async of(user: string): Promise<KeptSubscription[]> {
    return (await this.#live()).filter((one) => one.user === user)
  }

  async end(id: string): Promise<void> {
    await this.#parts.credentials.revoke(id, this.#parts.now())
  }

  /** Newest first. */
  async #live(): Promise<KeptSubscription[]> {
    const { credentials, now } = this.#parts
    const all = (await credentials.list('push')).filter(({ revokedAt }) => revokedAt === null)
    if (all.length === 0) return []
    const dead = new Set(
      await credentials.dead(
        all.map(({ id }) => id),
        now(),
      ),
    )
    return all.flatMap(({ id, user, path }) =>
      dead.has(id) ? [] : [{ id, user, ...(JSON.parse(path ?? '{}') as BrowserSubscription) }],
    )
  }

  /** Where two nodes make keys at once, those that were made first count. */
  async #openKeys(): Promise<SigningKeys> {
    const { credentials } = this.#parts
    const first = async () => (await credentials.list('push-keys')).at(-1)?.path ?? null
    const known = await first()
    if (known !== null) return JSON.parse(known)
    await this.#add('push-keys', JSON.stringify(newSigningKeys()), {
      user: '',
      expiresAt: null,
      parent: null,
    })
    return JSON.parse((await first()) as string)
  }

  #add(
    kind: CredentialKind,
    path: string,
    more: Pick<Credential, 'user' | 'expiresAt' | 'parent'>,
  ): Promise<void> {
    const credential: Credential = {
      id: randomUUID(),
      kind,
      admin: false,
      createdAt: this.#parts.now(),
      revokedAt: null,
      usedAt: null,
      path,
      ...more,
    }
    // Nobody knows the secret: this credential opens nothing.
    return this.#parts.credentials.add(credential, hashSecret(newSecret(`mr_${kind}`)))
  }
}

/** A server that requests any address that a user names would reach into its own network. */
export function isServedBy(endpoint: string, services: readonly string[]): boolean {
  if (!URL.canParse(endpoint)) return false
  const { protocol, host, origin, username } = new URL(endpoint)
  if (username !== '') return false
  return services.some((service) => {
    if (service.includes('://')) return origin === service
    if (protocol !== 'https:') return false
    return service.startsWith('*.') ? host.endsWith(service.slice(1)) : host === service
  })
}
