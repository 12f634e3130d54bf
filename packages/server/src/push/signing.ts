/** Proves to a push service who sends (VAPID, RFC 8292). */
import { createPrivateKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'

/** A pair of keys, made once and kept in the store. */
export interface SigningKeys {
  /** 65 bytes in base64url: browsers subscribe with it. */
  publicKey: string
  privateKey: JsonWebKey
}

export function newSigningKeys(): SigningKeys {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = privateKey.export({ format: 'jwk' })
  const point = [jwk.x, jwk.y].map((part) => Buffer.from(String(part), 'base64url'))
  return { publicKey: Buffer.concat([Buffer.of(4), ...point]).toString('base64url'), privateKey: jwk }
}

const validSeconds = 12 * 3600

/** The `Authorization` of a request to `endpoint`. `contact`: an address at which the sender's people can be reached. */
export function authorization(
  { publicKey, privateKey }: SigningKeys,
  endpoint: string,
  contact: string,
  now: number,
): string {
  const claims = {
    aud: new URL(endpoint).origin,
    exp: Math.floor(now / 1000) + validSeconds,
    sub: contact,
  }
  const signed = [{ typ: 'JWT', alg: 'ES256' }, claims].map(encoded).join('.')
  const key = createPrivateKey({ key: privateKey, format: 'jwk' })
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `vapid t=${signed}.${signature.toString('base64url')}, k=${publicKey}`
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
