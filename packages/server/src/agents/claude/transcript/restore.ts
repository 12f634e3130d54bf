/** Restores a conversation in the home of the process that resumes it. */
import type { TranscriptEntry } from '#runners/runner'

export interface Conversation {
  id: string
  /** Path below the home → content. */
  homeFiles: Map<string, string>
  /** The tool of the call that the process begins with; null: it begins with its prompt. */
  putOffTool: string | null
}

/**
 * Returns what a later process resumes; null if nothing was said. `isWoken`: people answered the call that was put off last,
 * and the process is to begin with it. Any other call that was put off and never begun is left out: the process would make
 * it at once, though nobody approved it for this run.
 */
export function restore(
  entries: readonly TranscriptEntry[],
  cwd: string,
  { isWoken = false }: { isWoken?: boolean } = {},
): Conversation | null {
  const main = entries.filter(({ subpath }) => subpath === '')
  // The newest one: a cleared conversation continues under another id.
  const id = main.at(-1)?.conversation
  if (id === undefined) return null
  const all = once(main.filter(({ conversation }) => conversation === id)).filter(isResumed)
  if (!all.some(({ type }) => type === 'user' || type === 'assistant')) return null
  const open = openCalls(all)
  const woken = isWoken ? all.findLast((line) => open.has(line)) : undefined
  if (woken !== undefined) open.delete(woken)
  const lines = without(all, open)
  const directory = `.claude/projects/${cwd.replace(/[^A-Za-z0-9]/g, '-')}`
  const content = lines.map(({ json }) => `${json}\n`).join('')
  const putOffTool = woken === undefined ? null : toolOf(woken)
  return { id, homeFiles: new Map([[`${directory}/${id}.jsonl`, content]]), putOffTool }
}

/** The entries that say that a call was put off, of calls without a result. */
function openCalls(lines: readonly Line[]): Set<Line> {
  const results = new Set(lines.flatMap(resultsOf))
  return new Set(
    lines.filter((line) => {
      const call = putOffCall(line)
      return call !== null && !(typeof call.toolUseID === 'string' && results.has(call.toolUseID))
    }),
  )
}

/** Leaves entries out. Each entry names the one before it: those after a gap name the one before the gap. */
function without(lines: readonly Line[], left: ReadonlySet<Line>): Line[] {
  const before = new Map<string, unknown>()
  return lines.flatMap((line) => {
    const parent = line.entry.parentUuid
    const linked = typeof parent === 'string' && before.has(parent) ? before.get(parent) : parent
    if (left.has(line)) {
      if (line.uuid !== undefined) before.set(line.uuid, linked ?? null)
      return []
    }
    return linked === parent
      ? [line]
      : [{ ...line, json: JSON.stringify({ ...line.entry, parentUuid: linked }) }]
  })
}

/** What an entry says of a call that was put off; null for any other entry. */
function putOffCall(line: Line): { toolUseID?: unknown; toolName?: unknown } | null {
  if (line.type !== 'attachment') return null
  const { attachment } = line.entry as { attachment?: Record<string, unknown> | null }
  return attachment?.type === 'hook_deferred_tool' ? attachment : null
}

function toolOf(line: Line): string | null {
  const name = putOffCall(line)?.toolName
  return typeof name === 'string' && /^[\w-]{1,200}$/.test(name) ? name : null
}

function resultsOf(line: Line): string[] {
  if (line.type !== 'user') return []
  const { message } = line.entry as { message?: { content?: unknown } | null }
  const content = Array.isArray(message?.content) ? message.content : []
  return content.flatMap((block) =>
    block?.type === 'tool_result' && typeof block.tool_use_id === 'string' ? [block.tool_use_id] : [],
  )
}

interface Line {
  json: string
  entry: Record<string, unknown>
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
    entry: entry as Record<string, unknown>,
    type: typeof type === 'string' ? type : undefined,
    uuid: typeof uuid === 'string' ? uuid : undefined,
  }
}
