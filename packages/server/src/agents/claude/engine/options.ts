/** The options of the agent SDK's `query()`: ours (docs/sessions.md), overridden by the configuration. */
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { neverAllowed } from '@millrace/policy'
import { defaultBudgetUsd } from '#agents/gateway/budget'
import type { AgentSettings } from '#config/config'
import { questionTool } from './questions.ts'
import { type AgentRole, sessionRole } from './role.ts'

const alone = [
  'You work alone and on your own: nobody is reading along, and nobody will answer. Ask no questions; where',
  'something is open, decide sensibly, continue, and say at the end what you decided. Finish the task and check',
].join(' ')

const asking = [
  'You work on your own: nobody is reading along. People answer what you ask with AskUserQuestion, perhaps hours later:',
  'ask only what you cannot decide sensibly yourself; decide the rest, continue, and say at the end what you decided.',
  'Finish the task and check',
].join(' ')

const rules = [
  'that it is done. You work in a sandbox, inside the project only. A tool call that is refused stays refused: read',
  'the reason and find another way within what is allowed. End with a short account of what you did.',
].join(' ')

/** What works for a session: packages, documentation and remotes, and nothing of this machine. */
export const defaultNetwork = 'internet'

export const defaultLimits = { maxTurns: 50, maxBudgetUsd: defaultBudgetUsd, stallSeconds: 600 }

/** The options that every agent of a server in this role shares. */
export function agentOptions(agent: AgentSettings = {}, role: AgentRole = sessionRole): Options {
  const {
    stallSeconds: _seconds,
    limits: _limits,
    network: _network,
    env: _processes,
    disallowedTools,
    ...configured
  } = agent
  // The configuration was checked: it is a list of strings.
  const more = (disallowedTools ?? []) as string[]
  const options = configured as Options
  const mcpServers = { ...options.mcpServers, ...role.options.mcpServers }
  return {
    includePartialMessages: true,
    maxTurns: defaultLimits.maxTurns,
    maxBudgetUsd: defaultLimits.maxBudgetUsd,
    settingSources: [],
    // A prompt that begins with "/login" is about a page, not a command of the SDK.
    verbatimPrompts: true,
    // Not on the command line, which all processes of the run can read.
    ...(options.mcpServers === undefined ? {} : { mcpServersDelivery: 'initialize' }),
    ...options,
    ...role.options,
    ...(Object.keys(mcpServers).length === 0 ? {} : { mcpServers }),
    systemPrompt: instructed(options.systemPrompt ?? preset(role), role),
    permissionMode: 'default',
    // The policy refuses these in any case; listed here, the model does not even see them.
    disallowedTools: [...new Set([...neverAllowed.filter((tool) => !isAsking(tool, role)), ...more])],
  }
}

/** Where people can be asked, the tool that asks them is there. */
function isAsking(tool: string, { formOf }: AgentRole): boolean {
  return formOf !== undefined && tool === questionTool
}

function preset({ formOf }: AgentRole): SystemPrompt {
  const append = `${formOf === undefined ? alone : asking} ${rules}`
  return { type: 'preset', preset: 'claude_code', append }
}

type SystemPrompt = NonNullable<Options['systemPrompt']>

/** Adds the instructions of the role to a system prompt of any form. */
function instructed(prompt: SystemPrompt, { instructions }: AgentRole): SystemPrompt {
  if (instructions === '') return prompt
  if (typeof prompt === 'string' || Array.isArray(prompt)) return [prompt, instructions].flat()
  if (prompt.type === 'custom') return { ...prompt, prompt: [prompt.prompt, instructions].flat() }
  return { ...prompt, append: [prompt.append, instructions].filter(Boolean).join('\n\n') }
}
