/** The options of the agent SDK's `query()`: the contract's (section 4), and what the configuration puts in their place. */
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { neverAllowed } from '@millrace/policy'
import type { AgentSettings } from '#config/config'

const append = [
  'You work alone and on your own: nobody reads along, and nobody answers. Ask no questions; where something is',
  'open, decide it sensibly, go on, and say in the end what you decided. Do the task to its end and check that it',
  'is done. You work in a sandbox, inside the project only; a call of a tool that is refused stays refused: read',
  'the reason, and find another way within what is allowed. End with a short account of what you did.',
].join(' ')

export const defaultLimits = { maxTurns: 50, maxBudgetUsd: 5, stallSeconds: 600 }

/** What is the same for every session of a server: the contract's options, and the configuration's. */
export function agentOptions(agent: AgentSettings = {}): Options {
  const { stallSeconds: _seconds, limits: _limits, env: _processes, disallowedTools, ...configured } = agent
  // That it is a list of texts was checked with the configuration.
  const more = (disallowedTools ?? []) as string[]
  return {
    includePartialMessages: true,
    maxTurns: defaultLimits.maxTurns,
    maxBudgetUsd: defaultLimits.maxBudgetUsd,
    settingSources: [],
    // Not on the command line, where all processes of the run could read what they are given.
    ...(configured.mcpServers === undefined ? {} : { mcpServersDelivery: 'initialize' }),
    systemPrompt: { type: 'preset', preset: 'claude_code', append },
    ...(configured as Options),
    permissionMode: 'default',
    // The policy refuses these in any case; listed here the model does not even see them.
    disallowedTools: [...new Set([...neverAllowed, ...more])],
  }
}
