/** A self-signed certificate for `localhost`, made on the spot: no key is in the repository. */
import { Buffer } from 'node:buffer'
import { generateKeyPairSync, sign } from 'node:crypto'

/** DER, X.690: one value with its tag and length. */
function der(tag: number, ...contents: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(contents.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...contents: Buffer[]) => der(0x30, ...contents)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const bits = (content: Buffer) => der(0x03, Buffer.concat([Buffer.from([0]), content]))
const yes = der(0x01, Buffer.from([0xff]))
const utcTime = (at: number) => der(0x17, `${new Date(at).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`)

/** RFC 5280, section 4.1. PEM. */
export function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, 'localhost'))))
  const day = 24 * 3600 * 1000
  const isAuthority = sequence(oid('551d13'), yes, der(0x04, sequence(yes)))
  const names = sequence(oid('551d11'), der(0x04, sequence(der(0x82, 'localhost'))))
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(isAuthority, names)),
  )
  const certificate = sequence(signed, ecdsaWithSha256, bits(sign('sha256', signed, privateKey)))
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  }
}
