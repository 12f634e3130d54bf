/** Creates, hashes and compares secrets. 256 random bits need no salt and no slow hash. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Returns a new secret that is safe in a URL, a header and a cookie. */
export function newSecret(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares hashes of secrets in time that does not depend on where they differ. */
export function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))
}
