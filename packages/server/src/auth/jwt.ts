/**
 * JSON Web Tokens of an external identity provider (RFC 7519): `sub` is the user, `exp` is required.
 *
 * The keys of a JWKS address are cached, and fetched again when a token names an unknown one, so that a
 * rotation needs no restart. Unknown keys cause at most one fetch in 30 s, a failing provider at most
 * one in 5 s.
 */
import { MillraceError } from '@millrace/protocol'
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { isUserName } from './user-name.ts'

export interface JwtSettings {
  /** Where the provider publishes its keys. Either this or `secret`. */
  jwksUrl?: string | undefined
  /** A shared HMAC secret, at least 32 bytes. */
  secret?: string | undefined
  issuer?: string | undefined
  audience?: string | undefined
}

export interface VerifiedJwt {
  user: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

export interface JwtVerifier {
  /** Null if the token is not valid. Fails with `auth_unavailable` if the keys cannot be fetched. */
  verify(token: string): Promise<VerifiedJwt | null>
}

const symmetric = ['HS256', 'HS384', 'HS512']
const asymmetric = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
const keyCacheMs = 10 * 60_000
const keyCooldownMs = 30_000
const failureCooldownMs = 5000

export function createJwtVerifier(settings: JwtSettings, now: () => number): JwtVerifier {
  const { key, algorithms } = keyOf(settings, now)
  const { issuer, audience } = settings
  return {
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms,
          currentDate: new Date(now()),
          requiredClaims: ['sub', 'exp'],
          ...(issuer === undefined ? {} : { issuer }),
          ...(audience === undefined ? {} : { audience }),
        })
        const { sub, exp } = payload
        if (!isUserName(sub, false) || exp === undefined) return null
        return { user: sub, expiresAt: exp * 1000 }
      } catch (error) {
        if (isTokenAtFault(error)) return null
        throw new MillraceError('auth_unavailable', 'The keys of the identity provider cannot be fetched', {
          cause: error,
        })
      }
    },
  }
}

/** Each kind of key admits only its own algorithms; otherwise a public key could pass as an HMAC secret. */
function keyOf(
  { jwksUrl, secret }: JwtSettings,
  now: () => number,
): { key: JWTVerifyGetKey; algorithms: string[] } {
  if (secret !== undefined) {
    const bytes = new TextEncoder().encode(secret)
    return { key: async () => bytes, algorithms: symmetric }
  }
  if (jwksUrl === undefined) throw new TypeError('a JWT verifier needs jwksUrl or secret')
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    cacheMaxAge: keyCacheMs,
    cooldownDuration: keyCooldownMs,
    timeoutDuration: 5000,
    [customFetch]: fetchWithPauses(now),
  })
  return { key: keys, algorithms: asymmetric }
}

/** Pauses after a failed fetch: anyone can send tokens that cause one. */
function fetchWithPauses(now: () => number): FetchImplementation {
  let failedAt = Number.NEGATIVE_INFINITY
  return async (url, options) => {
    if (now() - failedAt < failureCooldownMs) throw new Error('the provider failed a moment ago')
    try {
      const response = await fetch(url, options)
      if (response.status !== 200) failedAt = now()
      return response
    } catch (error) {
      failedAt = now()
      throw error
    }
  }
}

function isTokenAtFault(error: unknown): boolean {
  return (
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  )
}
