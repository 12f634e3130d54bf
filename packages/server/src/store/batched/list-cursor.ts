/**
 * The cursor of a listing: the row key of the last run shown, enciphered. The bare key would reveal how
 * many runs there are, those of other users included.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { MillraceError } from '@millrace/protocol'

const cipher = 'aes-128-ecb'
const tag = 0x6d696c6c72616365n

/** `key` is 16 bytes. One block holds the row key and a constant, which gives a forged one away. */
export function encodeListCursor(key: Buffer, n: number): string {
  const block = Buffer.alloc(16)
  block.writeBigUInt64BE(tag, 0)
  block.writeBigUInt64BE(BigInt(n), 8)
  const encipher = createCipheriv(cipher, key, null).setAutoPadding(false)
  return Buffer.concat([encipher.update(block), encipher.final()]).toString('base64url')
}

/** Throws `invalid_request`, naming `cursor`, for anything `encodeListCursor` did not make. */
export function decodeListCursor(key: Buffer, cursor: string): number {
  if (!/^[A-Za-z0-9_-]{22}$/.test(cursor)) throw invalidCursor()
  const decipher = createDecipheriv(cipher, key, null).setAutoPadding(false)
  const block = Buffer.concat([decipher.update(Buffer.from(cursor, 'base64url')), decipher.final()])
  const n = Number(block.readBigUInt64BE(8))
  if (block.readBigUInt64BE(0) !== tag || !Number.isSafeInteger(n)) throw invalidCursor()
  return n
}

function invalidCursor(): MillraceError {
  const expected = 'the nextCursor of a page before'
  return new MillraceError('invalid_request', `cursor must be ${expected}`, {
    fields: [{ path: 'cursor', expected }],
  })
}
