/** A Claude agent that works on an execution: it plans, its subagents are heard, and it keeps to limits of its own. */
import type { ExecutionLimits } from '#agents/agent'
import type { AgentRole } from '../engine/role.ts'
import type { Sdk } from '../engine/sdk.ts'
import type { Keeping } from './keeping.ts'
import { planInstructions, planServer, planTool } from './plan.ts'

/**
 * A limit in dollars is the gateway's to keep. The tokens are counted by us: the SDK's `taskBudget` counts others
 * (a prompt that is sent twice once), and a budget below 20,000 is refused.
 */
export function executionRole(
  { iterations }: Pick<ExecutionLimits, 'iterations'>,
  keeping: Pick<Keeping, 'kept'>,
) {
  return (sdk: Sdk): AgentRole => ({
    options: {
      maxTurns: iterations,
      mcpServers: planServer(sdk),
      // The translator reads both.
      includePartialMessages: true,
      forwardSubagentText: true,
    },
    instructions: planInstructions,
    ownTools: [planTool],
    beforeCall: (id) => keeping.kept(id),
  })
}
