/** The side of a browser in Web Push: its keys, and how it reads what was encrypted for it. */
import { createDecipheriv, createECDH, hkdfSync } from 'node:crypto'

export interface PushBrowser {
  /** As `PushSubscription.toJSON()` says them. */
  keys: { p256dh: string; auth: string }
  read(body: Buffer): string
}

/** Without a private key, with one of its own (RFC 8291). */
export function newPushBrowser(privateKey?: Buffer, auth = Buffer.alloc(16, 7)): PushBrowser {
  const own = createECDH('prime256v1')
  if (privateKey === undefined) own.generateKeys()
  else own.setPrivateKey(privateKey)
  const derive = (secret: Buffer, salt: Buffer, info: Buffer, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, salt, info, length))
  const keys = {
    p256dh: own.getPublicKey('base64url'),
    auth: auth.toString('base64url'),
  }
  const read = (body: Buffer): string => {
    const [salt, length] = [body.subarray(0, 16), body[20] as number]
    const sender = body.subarray(21, 21 + length)
    const about = Buffer.concat([Buffer.from('WebPush: info\0'), own.getPublicKey(), sender])
    const secret = derive(own.computeSecret(sender), auth, about, 32)
    const key = derive(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
    const nonce = derive(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
    const text = body.subarray(21 + length)
    const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(text.subarray(-16))
    const padded = Buffer.concat([decipher.update(text.subarray(0, -16)), decipher.final()])
    return padded.subarray(0, padded.lastIndexOf(2)).toString()
  }
  return { keys, read }
}
