/** The tools of executions, which run inside the sandbox whatever engine drives the agent. */
import { readTool } from './read.ts'
import type { AgentTool } from './tool.ts'

export function agentTools(): readonly AgentTool[] {
  return [readTool]
}
