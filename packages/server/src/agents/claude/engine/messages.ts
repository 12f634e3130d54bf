/** What the messages of the agent SDK tell a runner, read with care: a process wrote them. */
import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { eventTypePattern, finalStates } from '@millrace/protocol'

/**
 * The type of the event a message becomes: its own. One that means something else in a run's log, or
 * could be no event's, is marked as the SDK's; none of today's is.
 */
export function eventTypeOf(type: unknown): string {
  if (typeof type !== 'string') return 'sdk:message'
  const reserved =
    (finalStates as readonly string[]).includes(type) || type === 'reset' || /^(run|permission):/.test(type)
  const name = reserved ? `sdk:${type}` : type
  return eventTypePattern.test(name) ? name : 'sdk:message'
}

/** Calls of tools that a message begins or brings the result of. */
export function toolCallsIn(message: SDKMessage): {
  began: { id: string; tool: string }[]
  ended: string[]
} {
  if (message.type !== 'assistant' && message.type !== 'user') return { began: [], ended: [] }
  const content: unknown = message.message?.content
  const blocks = Array.isArray(content) ? content.filter(isBlock) : []
  return {
    began: blocks.flatMap(({ type, id, name }) =>
      type === 'tool_use' && typeof id === 'string' ? [{ id, tool: String(name) }] : [],
    ),
    ended: blocks.flatMap(({ type, tool_use_id: id }) =>
      type === 'tool_result' && typeof id === 'string' ? [id] : [],
    ),
  }
}

/** A subagent is not a call that may be silent: its messages are seen. */
export function isSubagent(tool: string): boolean {
  return tool === 'Agent' || tool === 'Task'
}

/** Whether it is a sign of life. A timer reports that a call is still running, whatever became of it. */
export function isSignOfLife(message: SDKMessage): boolean {
  return message.type !== 'tool_progress'
}

/** Whether the model's API refuses the key: the SDK would retry for minutes. */
export function isKeyRefused(message: SDKMessage): boolean {
  return (
    message.type === 'system' &&
    message.subtype === 'api_retry' &&
    (message.error === 'authentication_failed' || message.error_status === 401)
  )
}

function isBlock(block: unknown): block is Record<string, unknown> {
  return block !== null && typeof block === 'object'
}
