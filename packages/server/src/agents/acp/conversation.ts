/** What a later run needs to resume a conversation, the agent's id of it and the home that holds it; and what is said in one. */
import type { AttachmentBody } from '@millrace/protocol'
import type { AgentMessage } from '#agents/agent'
import { isImage, namedText, textIn } from '#agents/attachments'
import type { TranscriptEntry } from '#runners/runner'
import { type JsonRecord, recordOf } from './lines.ts'

export interface Conversation {
  /** The agent's id. */
  id: string
  /** The name of the kept home. */
  home: string
}

/** Returns null if there is nothing to resume for this agent. */
export function restore(entries: readonly TranscriptEntry[], agent: string): Conversation | null {
  const last = entries.at(-1)
  if (last === undefined) return null
  const kept = read(last.json)
  if (kept === null || kept.agent !== agent || typeof kept.home !== 'string') return null
  return { id: last.conversation, home: kept.home }
}

/** `messageId`: of a person's message that the conversation has from here on. */
export function entryOf({ id, home }: Conversation, agent: string, messageId?: string): TranscriptEntry {
  return { conversation: id, subpath: '', json: JSON.stringify({ agent, home, messageId }) }
}

/**
 * A prompt as content blocks. A text is embedded where the agent takes that, else it is a block of text; what the agent cannot take is
 * left out, and a note says so to the agent.
 */
export function promptOf(
  { text, attachments = [] }: Omit<AgentMessage, 'id'>,
  takes: ReadonlySet<string>,
): { prompt: JsonRecord[]; leftOut: AttachmentBody[] } {
  const leftOut: AttachmentBody[] = []
  const blocks = attachments.map((attachment): JsonRecord => {
    const block = blockOf(attachment, takes)
    if (block !== null) return block
    leftOut.push(attachment)
    const { name, mediaType } = attachment
    return { type: 'text', text: `(The file ${JSON.stringify(name)} is left out: you take no ${mediaType}.)` }
  })
  return { prompt: [{ type: 'text', text }, ...blocks], leftOut }
}

function blockOf(attachment: AttachmentBody, takes: ReadonlySet<string>): JsonRecord | null {
  const { name, mediaType: mimeType, data } = attachment
  if (isImage(attachment)) return takes.has('image') ? { type: 'image', mimeType, data } : null
  const text = textIn(attachment)
  if (!takes.has('embeddedContext'))
    return text === null ? null : { type: 'text', text: namedText(attachment) }
  const uri = `attachment:///${encodeURIComponent(name)}`
  return { type: 'resource', resource: { uri, mimeType, ...(text === null ? { blob: data } : { text }) } }
}

function read(json: string): Record<string, unknown> | null {
  try {
    return recordOf(JSON.parse(json))
  } catch {
    return null
  }
}
