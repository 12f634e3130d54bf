/**
 * Connects the gate to the agent SDK: every call passes the `PreToolUse` hook before it runs, and only
 * `canUseTool` waits for people. Neither ever throws: the SDK ignores a hook that does.
 */
import type { CanUseTool, HookCallback } from '@anthropic-ai/claude-agent-sdk'
import type { Gate } from '#agents/gate'
import type { AgentRole } from './role.ts'

type HookOutput = Awaited<ReturnType<HookCallback>>

/** `ownTools` are tools of the server itself, which the gate does not judge; no other call runs before `beforeCall`. */
export function hookOf(
  gate: Pick<Gate, 'judge'>,
  { ownTools = [], beforeCall }: Partial<Pick<AgentRole, 'ownTools' | 'beforeCall'>> = {},
): HookCallback {
  return async (input, toolUseId) => {
    if (input.hook_event_name !== 'PreToolUse') return decide('deny', 'This is not a tool call.')
    const { tool_name: tool, tool_input, agent_id: agentId, cwd } = input
    if (ownTools.includes(tool)) {
      return agentId === undefined ? {} : decide('deny', 'Only the main agent may call this tool.')
    }
    const id = input.tool_use_id ?? toolUseId
    const verdict = await gate.judge({ id, tool, input: tool_input, cwd, agentId })
    if (verdict.decision !== 'deny' && id !== undefined) await beforeCall?.(id)
    return verdict.decision === 'allow' ? {} : decide(verdict.decision, verdict.reason)
  }
}

/** The SDK calls it after the hook, for calls that the SDK doubts or the hook wants people to judge. */
export function canUseToolOf(gate: Pick<Gate, 'permit'>, ownTools: readonly string[] = []): CanUseTool {
  return async (tool, input, { toolUseID: id, agentID: agentId }) => {
    if (ownTools.includes(tool)) return { behavior: 'allow', updatedInput: input }
    const permit = await gate.permit({ id, tool, input, agentId, changeable: true })
    return permit.allowed
      ? { behavior: 'allow', updatedInput: permit.input }
      : { behavior: 'deny', message: permit.reason }
  }
}

function decide(permissionDecision: 'deny' | 'ask', permissionDecisionReason: string): HookOutput {
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision, permissionDecisionReason } }
}
