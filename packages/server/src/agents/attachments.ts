/** What messages bring along, as every engine gives it to a model. */
import type { AttachmentBody } from '@millrace/protocol'

export function isImage({ mediaType }: Pick<AttachmentBody, 'mediaType'>): boolean {
  return mediaType.startsWith('image/')
}

/** Null: it is not a text. */
export function textIn({ mediaType, data }: AttachmentBody): string | null {
  if (isImage({ mediaType }) || mediaType === 'application/pdf') return null
  return Buffer.from(data, 'base64').toString('utf8')
}

/** A text with its name, since a model is given only the text. Null: it is not a text. */
export function namedText(attachment: AttachmentBody): string | null {
  const text = textIn(attachment)
  return text === null ? null : `The file ${JSON.stringify(attachment.name)}:\n\n${text}`
}
