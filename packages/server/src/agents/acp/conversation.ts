/** What a later run needs to resume a conversation: the agent's id of it, and the home that holds it. */
import type { TranscriptEntry } from '#runners/runner'
import { recordOf } from './lines.ts'

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

function read(json: string): Record<string, unknown> | null {
  try {
    return recordOf(JSON.parse(json))
  } catch {
    return null
  }
}
