/** What a kind of run wants of its agents besides what all agents have in common. */
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { elicit } from '#agents/elicitation'
import type { Gate, GateCall, GateForm } from '#agents/gate'
import { questionsIn } from './questions.ts'

export interface AgentRole {
  /** Override the options of the configuration. Servers in `mcpServers` are added to the configured ones. */
  options: Options
  /** Added to the system prompt. */
  instructions: string
  /** Tools of the server itself: the policy does not judge them, and subagents may not call them. */
  ownTools: readonly string[]
  /** Resolves when a call that the policy permits may run. */
  beforeCall?(toolUseId: string): Promise<void>
  /** What a call asks people for, if that is all it does. Absent: agents ask nothing. */
  formOf?(call: GateCall): GateForm | undefined
}

export const sessionRole: AgentRole = { options: {}, instructions: '', ownTools: [] }

/** A session whose agent, and the MCP servers it uses, may put questions to people. */
export function askingRole(gate: Pick<Gate, 'permit' | 'refuse'>): AgentRole {
  return {
    ...sessionRole,
    formOf: questionsIn,
    options: {
      onElicitation: async ({ serverName, message, requestedSchema, mode }, { requestId, signal }) => {
        const elicited = await elicit({
          gate,
          id: `elicitation-${requestId}`,
          tool: `mcp__${serverName}`,
          message,
          mode,
          requestedSchema,
          signal,
        })
        // An answer of MCP has no other place for a reason.
        return elicited.action === 'refuse'
          ? { action: 'cancel', _meta: { reason: elicited.reason } }
          : elicited
      },
    },
  }
}
