/** Making and comparing secrets. 256 random bits need no salt and no slow hash. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A new secret, safe in a URL, a header and a cookie. */
export function newSecret(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares in a time that does not depend on where they differ, or on their lengths. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(a), 'hex'), Buffer.from(hashSecret(b), 'hex'))
}
