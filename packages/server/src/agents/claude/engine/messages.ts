/** Reads the messages of the agent SDK with care: a process wrote them. */
import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { eventTypePattern, finalStates } from '@millrace/protocol'

/**
 * Returns the type of the event that a message becomes: its own, or one marked as the SDK's where that
 * type means something else in a run's log or cannot be an event's. The SDK has no such types today.
 */
export function eventTypeOf(type: unknown): string {
  if (typeof type !== 'string') return 'sdk:message'
  const reserved =
    (finalStates as readonly string[]).includes(type) ||
    type === 'reset' ||
    /^(run|permission|subagent|message|session):/.test(type)
  const name = reserved ? `sdk:${type}` : type
  return eventTypePattern.test(name) ? name : 'sdk:message'
}

/** Returns the tool calls that a message begins or has the result of. */
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

/** A subagent is no call that may be silent: its messages are visible. */
export function isSubagent(tool: string): boolean {
  return tool === 'Agent' || tool === 'Task'
}

/** Whether a message is a sign of life. A timer's "still running" is none: it says nothing about the call. */
export function isSignOfLife(message: SDKMessage): boolean {
  return message.type !== 'tool_progress'
}

/** Whether the model's API refused the key: the SDK would retry for minutes. */
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
