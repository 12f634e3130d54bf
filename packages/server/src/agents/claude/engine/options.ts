/** The options of the agent SDK's `query()`: ours (docs/sessions.md), overridden by the configuration. */
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { neverAllowed } from '@millrace/policy'
import type { AgentSettings } from '#config/config'

const append = [
  'You work alone and on your own: nobody is reading along, and nobody will answer. Ask no questions; where',
  'something is open, decide sensibly, continue, and say at the end what you decided. Finish the task and check',
  'that it is done. You work in a sandbox, inside the project only. A tool call that is refused stays refused: read',
  'the reason and find another way within what is allowed. End with a short account of what you did.',
].join(' ')

export const defaultLimits = { maxTurns: 50, maxBudgetUsd: 5, stallSeconds: 600 }

/** The options that every agent of a server shares. */
export function agentOptions(agent: AgentSettings = {}): Options {
  const { stallSeconds: _seconds, limits: _limits, env: _processes, disallowedTools, ...configured } = agent
  // The configuration was checked: it is a list of strings.
  const more = (disallowedTools ?? []) as string[]
  return {
    includePartialMessages: true,
    maxTurns: defaultLimits.maxTurns,
    maxBudgetUsd: defaultLimits.maxBudgetUsd,
    settingSources: [],
    // A prompt that begins with "/login" is about a page, not a command of the SDK.
    verbatimPrompts: true,
    // Not on the command line, which all processes of the run can read.
    ...(configured.mcpServers === undefined ? {} : { mcpServersDelivery: 'initialize' }),
    systemPrompt: { type: 'preset', preset: 'claude_code', append },
    ...(configured as Options),
    permissionMode: 'default',
    // The policy refuses these in any case; listed here, the model does not even see them.
    disallowedTools: [...new Set([...neverAllowed, ...more])],
  }
}
