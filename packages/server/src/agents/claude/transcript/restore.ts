/** Restores a conversation in the home of the process that resumes it. */
import type { TranscriptEntry } from '#runners/runner'

export interface Conversation {
  id: string
  /** Path below the home → content. */
  homeFiles: Map<string, string>
  /** The tool of the call that was put off last, if any was. */
  putOffTool: string | null
}

/** Returns what a later process resumes; null if nothing was said. */
export function restore(entries: readonly TranscriptEntry[], cwd: string): Conversation | null {
  const main = entries.filter(({ subpath }) => subpath === '')
  // The newest one: a cleared conversation continues under another id.
  const id = main.at(-1)?.conversation
  if (id === undefined) return null
  const lines = once(main.filter(({ conversation }) => conversation === id)).filter(isResumed)
  if (!lines.some(({ type }) => type === 'user' || type === 'assistant')) return null
  const directory = `.claude/projects/${cwd.replace(/[^A-Za-z0-9]/g, '-')}`
  const content = lines.map(({ json }) => `${json}\n`).join('')
  return { id, homeFiles: new Map([[`${directory}/${id}.jsonl`, content]]), putOffTool: putOffTool(lines) }
}

function putOffTool(lines: readonly Line[]): string | null {
  const last = lines.findLast(({ json }) => json.includes('"hook_deferred_tool"'))
  if (last === undefined) return null
  const { attachment } = JSON.parse(last.json) as { attachment?: { toolName?: unknown } }
  const name = attachment?.toolName
  return typeof name === 'string' && /^[\w-]{1,200}$/.test(name) ? name : null
}

interface Line {
  json: string
  type: string | undefined
  uuid: string | undefined
}

/**
 * Leaves out the accumulated costs of the conversation: the process then counts from zero, and reports
 * the cost of its own run.
 */
function isResumed({ type }: Line): boolean {
  return type !== 'cost-state'
}

/** An entry has a uuid if a repetition would do harm. */
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
