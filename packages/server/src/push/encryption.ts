/**
 * Encrypts a message for one browser (RFC 8291, with the coding of RFC 8188): the push service between us and the browser cannot
 * read it.
 */
import { createCipheriv, createECDH, type ECDH, hkdfSync, randomBytes } from 'node:crypto'

/** What a browser gives out when it subscribes, in base64url. */
export interface BrowserKeys {
  /** Its public key: 65 bytes, uncompressed. */
  p256dh: string
  /** 16 bytes. */
  auth: string
}

/** One record holds the whole message. */
const recordBytes = 4096

/** The body of the request. `sender` and `salt` are new for every message; tests bring their own. */
export function encrypted(
  message: Buffer,
  { p256dh, auth }: BrowserKeys,
  sender: ECDH = newKeys(),
  salt: Buffer = randomBytes(16),
): Buffer {
  const receiver = Buffer.from(p256dh, 'base64url')
  const ours = sender.getPublicKey()
  const shared = sender.computeSecret(receiver)
  const about = Buffer.concat([Buffer.from('WebPush: info\0'), receiver, ours])
  const secret = derived(shared, Buffer.from(auth, 'base64url'), about, 32)
  const key = derived(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
  const nonce = derived(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  // The last record ends with 2.
  const text = Buffer.concat([cipher.update(message), cipher.update(Buffer.of(2)), cipher.final()])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(recordBytes)
  return Buffer.concat([salt, size, Buffer.of(ours.length), ours, text, cipher.getAuthTag()])
}

function newKeys(): ECDH {
  const keys = createECDH('prime256v1')
  keys.generateKeys()
  return keys
}

function derived(secret: Buffer, salt: Buffer, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, bytes))
}
