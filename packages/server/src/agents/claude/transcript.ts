/**
 * A session's conversation: what the agent SDK's process writes into its transcript is mirrored into the
 * store as it is written, and put into the fresh home of the session that goes on with it.
 *
 * The process says so itself (`--session-mirror`), in lines among its messages. They are taken out here
 * rather than through the SDK's `sessionStore`: that one wants to know the process's home beforehand,
 * gives up on what it could not store, and for a resumed session copies the credentials and settings of
 * the server's own user to where the process looks for them.
 */
import type { TranscriptEntry } from '#runners/runner'

/** What the process writes: these entries were added to this file. */
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

/** Nothing for a file that is no transcript. */
export function entriesOf({ filePath, entries }: MirrorFrame): TranscriptEntry[] {
  const [, conversation, subpath = ''] = place.exec(filePath) ?? []
  if (conversation === undefined) return []
  return entries.map((entry) => ({ conversation, subpath, json: JSON.stringify(entry) }))
}

export function charactersOf(entries: readonly TranscriptEntry[]): number {
  return entries.reduce((sum, { json }) => sum + json.length, 0)
}

export interface Conversation {
  id: string
  /** Path below the home → content. */
  homeFiles: Map<string, string>
}

/** What a later process goes on from; null when nothing was said yet. */
export function restore(entries: readonly TranscriptEntry[], cwd: string): Conversation | null {
  const main = entries.filter(({ subpath }) => subpath === '')
  // The newest: a conversation that was cleared goes on as another.
  const id = main.at(-1)?.conversation
  if (id === undefined) return null
  const lines = once(main.filter(({ conversation }) => conversation === id)).filter(isGoneOnFrom)
  if (!lines.some(({ type }) => type === 'user' || type === 'assistant')) return null
  const directory = `.claude/projects/${cwd.replace(/[^A-Za-z0-9]/g, '-')}`
  const content = lines.map(({ json }) => `${json}\n`).join('')
  return { id, homeFiles: new Map([[`${directory}/${id}.jsonl`, content]]) }
}

interface Line {
  json: string
  type: string | undefined
  uuid: string | undefined
}

/**
 * The totals of what the conversation has cost: without them the process counts from nothing, and what
 * it reports is the run's own.
 */
function isGoneOnFrom({ type }: Line): boolean {
  return type !== 'cost-state'
}

/** Entries have a uuid where a second one would do harm. */
function once(entries: readonly TranscriptEntry[]): Line[] {
  const seen = new Set<string>()
  return entries.flatMap(({ json }) => {
    const line = read(json)
    if (line === null || (line.uuid !== undefined && seen.has(line.uuid))) return []
    if (line.uuid !== undefined) seen.add(line.uuid)
    return [line]
  })
}

function read(json: string): Line | null {
  let entry: unknown
  try {
    entry = JSON.parse(json)
  } catch {
    return null
  }
  if (entry === null || typeof entry !== 'object') return null
  const { type, uuid } = entry as { type?: unknown; uuid?: unknown }
  return {
    json,
    type: typeof type === 'string' ? type : undefined,
    uuid: typeof uuid === 'string' ? uuid : undefined,
  }
}
