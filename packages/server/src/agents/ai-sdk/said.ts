import type { UserModelMessage } from 'ai'
import type { AgentMessage } from '#agents/agent'
import { namedText } from '#agents/attachments'

/** What a person says, as the model reads it. */
export function saidBy({ text, attachments }: Omit<AgentMessage, 'id'>): UserModelMessage {
  if (attachments === undefined) return { role: 'user', content: text }
  const parts = attachments.map((attachment) => {
    const { name: filename, mediaType, data } = attachment
    const words = namedText(attachment)
    return words === null
      ? { type: 'file' as const, data, mediaType, filename }
      : { type: 'text' as const, text: words }
  })
  return { role: 'user', content: [{ type: 'text', text }, ...parts] }
}
