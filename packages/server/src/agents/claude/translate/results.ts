/** From the results of tools, as the model reads them, to what an execution reports. */
import type { FileChange, ToolStatus } from '@millrace/protocol'
import { changesInResult } from '@millrace/protocol/view'
import { amountOf, blocksOf, type Fields, fieldsOf, textOf } from './fields.ts'

export interface ToolOutcome {
  toolCallId: string
  status: ToolStatus
  /** A text, or the text and the files that the call changed. */
  result: string | { text: string; files: FileChange[] }
}

/** What is known of calls besides their messages. */
export interface Known {
  /** Calls that the gate denied. */
  denied: ReadonlySet<string>
  /** Structured results of the calls of subagents. */
  patches: ReadonlyMap<string, unknown>
  /** Where the agent works; paths inside are relative to it. */
  cwd: string | null
}

/** Returns the outcome of each call that a message has the result of. */
export function outcomesIn(message: Fields, { denied, patches, cwd }: Known): ToolOutcome[] {
  const results = blocksOf(message.message).filter(({ type }) => type === 'tool_result')
  const metas = Array.isArray(message.tool_result_meta) ? message.tool_result_meta.map(fieldsOf) : []
  return results.flatMap((block) => {
    const toolCallId = textOf(block.tool_use_id)
    if (toolCallId === null) return []
    const meta = metas.find(({ id }) => id === toolCallId) ?? {}
    // The structured result is that of the only call in a message.
    const own = results.length === 1 ? fieldsOf(message.tool_use_result) : {}
    const status = statusOf(block, meta, denied.has(toolCallId))
    const text = reportOf(own) ?? said(blocksOf(block))
    const files = changesInResult(patches.get(toolCallId) ?? own, cwd)
    return [{ toolCallId, status, result: files.length === 0 ? text : { text, files } }]
  })
}

function statusOf(block: Fields, meta: Fields, isDenied: boolean): ToolStatus {
  if (block.is_error !== true) return 'ok'
  // An interrupt, also of a call that was running.
  if (meta.non_execution_kind === 'user-rejected') return 'cancelled'
  const { decision } = fieldsOf(meta.permission_decision)
  return isDenied || decision === 'reject' ? 'denied' : 'error'
}

/** A subagent's report without what the SDK adds for the model. */
function reportOf({ agentType, content, harnessNoteCount, harnessTailCount }: Fields): string | null {
  if (textOf(agentType) === null || !Array.isArray(content)) return null
  const [before, after] = [amountOf(harnessNoteCount), amountOf(harnessTailCount)]
  return said(content.slice(before, content.length - after).map(fieldsOf))
}

/** What is no text is named: `(image)`. */
function said(blocks: readonly Fields[]): string {
  return blocks.map(({ type, text }) => textOf(text) ?? `(${textOf(type) ?? 'unknown'})`).join('\n')
}
