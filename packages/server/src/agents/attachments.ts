/** What messages bring along, as every engine gives it to a model. */
import type { RunAttachment } from '#runners/runner'

export function isImage({ mediaType }: Pick<RunAttachment, 'mediaType'>): boolean {
  return mediaType.startsWith('image/')
}

/** Null: it is not a text. */
export function textIn({ mediaType, data }: RunAttachment): string | null {
  if (isImage({ mediaType }) || mediaType === 'application/pdf') return null
  return Buffer.from(data, 'base64').toString('utf8')
}

/** A text with its name, since a model is given only the text. Null: it is not a text. */
export function namedText(attachment: RunAttachment): string | null {
  const text = textIn(attachment)
  return text === null ? null : `The file ${JSON.stringify(attachment.name)}:\n\n${text}`
}
