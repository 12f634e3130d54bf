/** The tools as the model sees them. The SDK checks inputs against their schemas; it runs none of them. */
import { type ToolSet, tool } from 'ai'
import { z } from 'zod'
import { estimateTokens } from '#agents/spending/price'
import type { AgentTool } from '#agents/tools/tool'
import { taskToolName } from './calls.ts'
import { phaseTool, planTool } from './plan.ts'

export const taskTool = {
  name: taskToolName,
  description:
    'Give one part of the work to an agent with a fresh memory and the same tools. It knows nothing of this conversation, so its prompt must say everything it needs: the aim, the files, what to return. Only its final answer comes back. Several calls at once run at the same time; they must not change the same files.',
  input: z.object({
    title: z.string().min(1).max(200).describe('The part in a few words, for people who look on.'),
    prompt: z.string().min(1).max(100_000).describe('The whole task of that agent.'),
  }),
}

/** How deep subtasks may be nested: the agent itself is at depth 0. */
export const depthMax = 2

export interface Offered {
  tools: ToolSet
  names: string[]
  /** Estimated, of the descriptions and schemas. */
  tokens: number
}

export function offeredTools(agentTools: readonly AgentTool[], depth: number): Offered {
  const own = [...(depth === 0 ? [planTool, phaseTool] : []), ...(depth < depthMax ? [taskTool] : [])]
  const all: { name: string; description: string; input: z.ZodObject }[] = [...own, ...agentTools]
  return {
    tools: Object.fromEntries(
      all.map(({ name, description, input }) => [name, tool({ description, inputSchema: input })]),
    ),
    names: all.map(({ name }) => name),
    tokens: estimateTokens(
      all.map(({ name, description, input }) => [name, description, z.toJSONSchema(input)]),
    ),
  }
}
