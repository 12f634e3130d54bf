/** Edits that a call makes, as the tools of agents say them, or as the agent itself shows them. */
import type { CallItem } from '@millrace/protocol/view'
import { changedLines, type DiffLine, nearChanges } from '#run/changes/lines.ts'

export interface Edit {
  path: string
  lines: DiffLine[]
}

/** The edits of a call; none of a call that edits nothing. */
export function editsOf({ input, edits }: Pick<CallItem, 'input' | 'edits'>): Edit[] {
  if (edits !== undefined && edits.length > 0) {
    // An agent may show the whole file.
    return edits.map(({ path, before, after }) => ({
      path,
      lines: nearChanges(changedLines(before ?? '', after)),
    }))
  }
  const edit = editOf(input)
  return edit === null ? [] : [edit]
}

/** The edit that is in the input of a call; null for a call that edits nothing. */
export function editOf(input: unknown): Edit | null {
  const fields = recordOf(input)
  const path = [fields.file_path, fields.path, fields.notebook_path].find((one) => typeof one === 'string')
  if (typeof path !== 'string') return null
  if (Array.isArray(fields.edits)) {
    const pairs = fields.edits.map(pairOf).filter((pair) => pair !== null)
    return pairs.length === 0 ? null : { path, lines: pairs.flatMap(([from, to]) => changedLines(from, to)) }
  }
  const pair = pairOf(fields)
  if (pair !== null) return { path, lines: changedLines(...pair) }
  const { content } = fields
  return typeof content === 'string' ? { path, lines: changedLines('', content) } : null
}

function pairOf(value: unknown): [from: string, to: string] | null {
  const fields = recordOf(value)
  const from = fields.old_string ?? fields.oldText
  const to = fields.new_string ?? fields.newText
  return typeof from === 'string' && typeof to === 'string' ? [from, to] : null
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
