/** From the results of tools, as the model reads them, to what an execution reports. */
import type { ToolStatus } from '@millrace/protocol'
import { amountOf, blocksOf, type Fields, fieldsOf, textOf } from './fields.ts'

export interface ToolOutcome {
  toolCallId: string
  status: ToolStatus
  result: unknown
}

/** Returns the outcome of each call that a message has the result of. `denied`: ids of calls that the gate denied. */
export function outcomesIn(message: Fields, denied: ReadonlySet<string>): ToolOutcome[] {
  const results = blocksOf(message.message).filter(({ type }) => type === 'tool_result')
  const metas = Array.isArray(message.tool_result_meta) ? message.tool_result_meta.map(fieldsOf) : []
  return results.flatMap((block) => {
    const toolCallId = textOf(block.tool_use_id)
    if (toolCallId === null) return []
    const meta = metas.find(({ id }) => id === toolCallId) ?? {}
    // The structured result is that of the only call in a message.
    const structured = results.length === 1 ? fieldsOf(message.tool_use_result) : {}
    const status = statusOf(block, meta, denied.has(toolCallId))
    return [{ toolCallId, status, result: resultOf(block, structured) }]
  })
}

function statusOf(block: Fields, meta: Fields, isDenied: boolean): ToolStatus {
  if (block.is_error !== true) return 'ok'
  // An interrupt, also of a call that was running.
  if (meta.non_execution_kind === 'user-rejected') return 'cancelled'
  const { decision } = fieldsOf(meta.permission_decision)
  return isDenied || decision === 'reject' ? 'denied' : 'error'
}

function resultOf(block: Fields, structured: Fields): unknown {
  return reportOf(structured) ?? said(blocksOf(block))
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
