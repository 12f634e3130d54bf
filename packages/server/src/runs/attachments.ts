/** Checks what a message brings along, before it is stored: an agent would fail at its provider with what is not what it says. */
import { createHash } from 'node:crypto'
import type { AttachmentBody, AttachmentType, FieldError } from '@millrace/protocol'
import { invalidRequest } from '@millrace/protocol/schemas'
import type { NewAttachment } from '#store/store'

/** Of all attachments of a message together. */
export const attachedBytesMax = 4 * 1024 ** 2

/** Throws `invalid_request` that names every field at fault. */
export function readAttachments(given: readonly AttachmentBody[]): NewAttachment[] {
  const fields: FieldError[] = []
  let sum = 0
  const attachments = given.map(({ name, mediaType, data }, index): NewAttachment => {
    const bytes = Buffer.from(data, 'base64')
    sum += bytes.length
    const expected = bytes.toString('base64') === data ? contentExpected(mediaType, bytes) : 'base64'
    if (expected !== null) fields.push({ path: `attachments.${index}.data`, expected })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { name: name.toWellFormed(), mediaType, bytes: bytes.length, sha256, data }
  })
  if (sum > attachedBytesMax)
    fields.push({ path: 'attachments', expected: `at most ${attachedBytesMax} bytes together` })
  if (fields.length > 0) throw invalidRequest(fields)
  return attachments
}

/** Null: it is what it says, as far as its beginning shows. */
function contentExpected(mediaType: AttachmentType, bytes: Buffer): string | null {
  if (bytes.length === 0) return 'something: the file is empty'
  const signature = signatures[mediaType]
  if (signature !== undefined)
    return signature.test(bytes.toString('latin1', 0, 16)) ? null : `the bytes of ${mediaType}`
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return null
  } catch {
    return 'text in UTF-8'
  }
}

const signatures: Partial<Record<AttachmentType, RegExp>> = {
  'image/png': /^\x89PNG\r\n\x1a\n/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/gif': /^GIF8[79]a/,
  'image/webp': /^RIFF[\s\S]{4}WEBP/,
  'application/pdf': /^%PDF-/,
}
