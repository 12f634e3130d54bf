/**
 * The attachments of messages in rows: what is said of them is JSON beside the message, which is read often; what they contain is a
 * row of its own, which is read once.
 */
import type { Attachment, Message } from '@millrace/protocol'
import type { NewAttachment } from '#store/store'

export type MessageColumns = Omit<Message, 'attachments'> & { attachments: string | null }

/** Of all columns, or of some. */
export function messageOf<Columns extends Pick<MessageColumns, 'attachments'>>({
  attachments,
  ...message
}: Columns): Omit<Columns, 'attachments'> & Pick<Message, 'attachments'> {
  return attachments === null ? { ...message } : { ...message, attachments: JSON.parse(attachments) }
}

export function attachmentsColumn({ attachments }: Pick<Message, 'attachments'>): string | null {
  return attachments === undefined ? null : JSON.stringify(attachments)
}

/** What is said of them, and what they contain as one text; neither where there are none. */
export function attachedOf(given: readonly NewAttachment[] = []): {
  about: { attachments?: Attachment[] }
  contents: string | null
} {
  if (given.length === 0) return { about: {}, contents: null }
  return {
    about: { attachments: given.map(({ data: _data, ...about }) => about) },
    contents: JSON.stringify(given.map(({ data }) => data)),
  }
}

export function contentsIn(text: string | null | undefined): string[] {
  return text === null || text === undefined ? [] : (JSON.parse(text) as string[])
}
