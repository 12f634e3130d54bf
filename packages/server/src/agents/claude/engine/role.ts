/** What a kind of run wants of its agents besides what all agents have in common. */
import type { Options } from '@anthropic-ai/claude-agent-sdk'

export interface AgentRole {
  /** Override the options of the configuration. Servers in `mcpServers` are added to the configured ones. */
  options: Options
  /** Added to the system prompt. */
  instructions: string
  /** Tools of the server itself: the policy does not judge them, and subagents may not call them. */
  ownTools: readonly string[]
  /** Resolves when a call that the policy permits may run. */
  beforeCall?(toolUseId: string): Promise<void>
}

export const sessionRole: AgentRole = { options: {}, instructions: '', ownTools: [] }
