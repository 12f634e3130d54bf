/**
 * Connects the gate to the agent SDK: every call passes the `PreToolUse` hook before it runs, and `canUseTool` waits for
 * people as long as they take. The hook waits for them only where it may put the call off. Neither ever throws: the SDK
 * ignores a hook that does.
 */
import type { CanUseTool, HookCallback } from '@anthropic-ai/claude-agent-sdk'
import type { Gate, GateCall } from '#agents/gate'
import { cutReason, type Parking } from './parking.ts'
import type { AgentRole } from './role.ts'

type HookOutput = Awaited<ReturnType<HookCallback>>

/** Waits for nobody. */
const nothingWaits: Pick<Parking, 'hold' | 'begins'> = { hold: async () => 'passes', begins: async () => {} }

/** `ownTools` are tools of the server itself, which the gate does not judge; no other call runs before `beforeCall`. */
export function hookOf(
  gate: Pick<Gate, 'judge'>,
  { ownTools = [], beforeCall, formOf }: Partial<Pick<AgentRole, 'ownTools' | 'beforeCall' | 'formOf'>> = {},
  parking: Pick<Parking, 'hold' | 'begins'> = nothingWaits,
): HookCallback {
  return async (input, toolUseId) => {
    if (input.hook_event_name !== 'PreToolUse') return decide('deny', 'This is not a tool call.')
    const { tool_name: tool, tool_input, agent_id: agentId, cwd } = input
    if (ownTools.includes(tool)) {
      return agentId === undefined ? {} : decide('deny', 'Only the main agent may call this tool.')
    }
    const id = input.tool_use_id ?? toolUseId
    const call = withForm({ id, tool, input: tool_input, cwd, agentId }, formOf)
    const verdict = await gate.judge(call)
    if (verdict.decision !== 'deny' && id !== undefined) await beforeCall?.(id)
    if (verdict.decision === 'ask') {
      const held = await parking.hold(call)
      if (held === 'put off') return decide('defer', verdict.reason)
      // Whether people allow it is asked next.
      if (held === 'passes') return decide('ask', verdict.reason)
    }
    if (!(await hasBegun(parking))) return decide('deny', ending)
    if (verdict.decision === 'ask') return decide('deny', cutReason)
    return verdict.decision === 'allow' ? {} : decide(verdict.decision, verdict.reason)
  }
}

/** The SDK calls it after the hook, for calls that the SDK doubts or the hook wants people to judge. */
export function canUseToolOf(
  parking: Pick<Parking, 'permit' | 'begins'>,
  { ownTools = [], formOf }: Partial<Pick<AgentRole, 'ownTools' | 'formOf'>> = {},
): CanUseTool {
  return async (tool, input, { toolUseID: id, agentID: agentId, signal }) => {
    if (ownTools.includes(tool)) return { behavior: 'allow', updatedInput: input }
    const call = { id, tool, input, agentId, changeable: true, signal }
    const permit = await parking.permit(withForm(call, formOf))
    if (!(await hasBegun(parking))) return { behavior: 'deny', message: ending }
    return permit.allowed
      ? { behavior: 'allow', updatedInput: permit.input }
      : { behavior: 'deny', message: permit.reason }
  }
}

function withForm(call: GateCall, formOf: AgentRole['formOf']): GateCall {
  const form = formOf?.(call)
  return form === undefined ? call : { ...call, form }
}

const ending = 'The run is ending.'

/** False: it could not be recorded that the call begins, which ends the run. */
async function hasBegun(parking: Pick<Parking, 'begins'>): Promise<boolean> {
  try {
    await parking.begins()
    return true
  } catch {
    return false
  }
}

function decide(permissionDecision: 'deny' | 'ask' | 'defer', permissionDecisionReason: string): HookOutput {
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision, permissionDecisionReason } }
}
