/**
 * What subagents changed. The SDK forwards the results of their tools as texts only; a hook has them with the patches,
 * as the messages of the main agent have.
 */
import type { HookCallback } from '@anthropic-ai/claude-agent-sdk'
import type { SubagentResultEvent } from '@millrace/protocol'

/** Tools whose results may have patches: the hook is a round trip for each call. */
export const patchingTools = 'Write|Edit|Bash'

/** Never throws, and decides nothing. */
export function subagentHook(report: (event: SubagentResultEvent) => void): HookCallback {
  return async (input, toolUseId) => {
    if (input.hook_event_name !== 'PostToolUse' || input.agent_id === undefined) return {}
    const result = patchesIn(input.tool_response)
    const { tool_name: tool, agent_id: agentId } = input
    if (result !== null) report({ toolUseId: input.tool_use_id ?? toolUseId, agentId, tool, result })
    return {}
  }
}

/** Tells the model, after one of its calls, what happened that no result of a tool says. */
export function noticeHook(take: () => string[]): HookCallback {
  return async (input) => {
    if (input.hook_event_name !== 'PostToolUse') return {}
    const notices = take()
    if (notices.length === 0) return {}
    return { hookSpecificOutput: { hookEventName: 'PostToolUse', additionalContext: notices.join('\n') } }
  }
}

/** Leaves out what a patch does not need, such as the whole file as it was. */
function patchesIn(response: unknown): Record<string, unknown> | null {
  if (response === null || typeof response !== 'object') return null
  const { type, filePath, content, structuredPatch, bashEditDiff } = response as Record<string, unknown>
  if (bashEditDiff !== undefined) return { bashEditDiff }
  if (structuredPatch === undefined) return null
  return { type, filePath, structuredPatch, ...(type === 'create' ? { content } : {}) }
}
