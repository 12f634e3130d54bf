/**
 * The mirror of a conversation: the process reports each entry that it writes to its transcript.
 *
 * It does so itself (`--session-mirror`), in lines among its messages. We read them here instead of using
 * the SDK's `sessionStore`, which needs to know the process's home beforehand, drops entries it could not
 * store, and on a resume copies the credentials and settings of the server's own user to where the
 * process looks for them.
 */
import type { TranscriptEntry } from '#runners/runner'

/** The process added these entries to this file. */
export interface MirrorFrame {
  filePath: string
  entries: unknown[]
}

export function isMirrorFrame(message: { type: string }): message is { type: string } & MirrorFrame {
  const { filePath, entries } = message as Partial<MirrorFrame>
  return message.type === 'transcript_mirror' && typeof filePath === 'string' && Array.isArray(entries)
}

/** `…/projects/<directory>/<conversation>.jsonl`, or `…/<conversation>/<subpath>.jsonl` of a subagent. */
const place = /\/projects\/[^/]+\/([A-Za-z0-9-]+)(?:\/([A-Za-z0-9._/-]+))?\.jsonl$/

/** Returns nothing for a file that is not a transcript. */
export function entriesOf({ filePath, entries }: MirrorFrame): TranscriptEntry[] {
  const [, conversation, subpath = ''] = place.exec(filePath) ?? []
  if (conversation === undefined) return []
  return entries.map((entry) => ({ conversation, subpath, json: JSON.stringify(entry) }))
}

export function charactersOf(entries: readonly TranscriptEntry[]): number {
  return entries.reduce((sum, { json }) => sum + json.length, 0)
}
