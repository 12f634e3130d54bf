/**
 * The options of the agent SDK's `query()`: the contract's (section 4), what the configuration puts in
 * their place, and what it may not, because the boundary or the identity of a run hangs on it.
 */

import type { Options } from '@anthropic-ai/claude-agent-sdk'
import type { FieldError, Json } from '@millrace/protocol'
import type { AgentSettings } from '../../config/config.ts'
import { unknownKey } from '../../config/problems.ts'
import { neverAllowed } from '../../policy/tools.ts'
import { isReservedVariable } from './environment.ts'

const run = 'nothing here: the run decides it'
const conversation = 'nothing here: a conversation is resumed through its run'
const permission = 'nothing here: the policy decides on calls (see policy in the configuration)'
const settings = 'nothing here: settings of the SDK can switch the policy off'
const program = 'nothing here: the process is started by the sandbox'
const notData = 'nothing here: it is no data'

/**
 * Every option of the installed SDK: null where the configuration may set it, else why not. The type
 * makes an option that a new version brings a matter to be decided.
 */
const rules: Record<keyof Options, string | null> = {
  abortController: notData,
  additionalDirectories: null,
  agent: null,
  agentProgressSummaries: null,
  agents: null,
  allowDangerouslySkipPermissions: permission,
  allowedTools: 'nothing here: policy.allowedTools is the list of tools',
  betas: null,
  canUseTool: permission,
  continue: conversation,
  cwd: run,
  debug: null,
  debugFile: null,
  disallowedTools: null,
  effort: null,
  enableFileCheckpointing: conversation,
  env: null,
  executable: program,
  executableArgs: program,
  extraArgs: program,
  fallbackModel: null,
  forkSession: conversation,
  forwardSubagentText: null,
  hooks: permission,
  includeHookEvents: null,
  includePartialMessages: null,
  loadTimeoutMs: conversation,
  managedSettings: settings,
  maxBudgetUsd: null,
  maxThinkingTokens: null,
  maxTurns: null,
  mcpServers: null,
  mcpServersDelivery: null,
  model: null,
  onElicitation: notData,
  onUserDialog: notData,
  outputFormat: null,
  pathToClaudeCodeExecutable: null,
  permissionMode: permission,
  permissionPromptToolName: permission,
  permissionPrompts: permission,
  persistSession: conversation,
  perTaskStopAffordance: notData,
  planModeInstructions: null,
  pluginDelivery: null,
  plugins: settings,
  projectConfigRoot: settings,
  promptSuggestions: null,
  resume: conversation,
  resumeDropsTurn: conversation,
  resumeSessionAt: conversation,
  sandbox: 'nothing here: the whole process runs in the sandbox (see sandbox in the configuration)',
  sessionId: conversation,
  sessionStore: conversation,
  sessionStoreFlush: conversation,
  settings,
  settingSources: null,
  skills: null,
  spawnClaudeCodeProcess: program,
  stderr: notData,
  strictMcpConfig: null,
  supportedDialogKinds: notData,
  systemPrompt: null,
  taskBudget: null,
  thinking: null,
  title: null,
  toolAliases: permission,
  toolConfig: null,
  tools: null,
  verbatimPrompts: null,
}

/** Keys of `agent` that are ours and never reach the SDK. */
const ownKeys = ['stallSeconds']

/** Options that the configuration may not set, each with the phrase that completes "expected …". */
export const reservedAgentOptions: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(rules).filter((rule): rule is [string, string] => rule[1] !== null),
)

/** What is wrong with the section `agent` of a configuration; `path` begins with `agent.`. */
export function agentProblems(agent: AgentSettings): FieldError[] {
  const known = [...ownKeys, ...Object.keys(rules).filter((key) => reservedAgentOptions[key] === undefined)]
  return Object.entries(agent).flatMap(([key, value]) => {
    const path = `agent.${key}`
    const reserved = reservedAgentOptions[key]
    if (reserved !== undefined) return [{ path, expected: reserved }]
    if (!known.includes(key)) return [{ path, expected: unknownKey(key, known) }]
    switch (key) {
      case 'env':
        return environmentProblems(value)
      case 'disallowedTools':
        return isListOfTexts(value) ? [] : [{ path, expected: 'a list of names of tools' }]
      case 'model':
        return typeof value === 'string' && value !== '' ? [] : [{ path, expected: 'the name of a model' }]
      case 'pathToClaudeCodeExecutable':
        return typeof value === 'string' && value.startsWith('/')
          ? []
          : [{ path, expected: 'an absolute path' }]
      default:
        return []
    }
  })
}

function environmentProblems(env: Json | undefined): FieldError[] {
  if (env === null || typeof env !== 'object' || Array.isArray(env)) {
    return [{ path: 'agent.env', expected: 'an object of texts' }]
  }
  return Object.entries(env).flatMap(([name, value]) => {
    const path = `agent.env.${name}`
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      return [{ path, expected: 'the name of an environment variable' }]
    }
    if (isReservedVariable(name)) return [{ path, expected: 'another name: the server sets this one itself' }]
    return typeof value === 'string' && !value.includes('\0') ? [] : [{ path, expected: 'a text' }]
  })
}

function isListOfTexts(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

const append = [
  'You work alone and on your own: nobody reads along, and nobody answers. Ask no questions; where something is',
  'open, decide it sensibly, go on, and say in the end what you decided. Do the task to its end and check that it',
  'is done. You work in a sandbox, inside the project only; a call of a tool that is refused stays refused: read',
  'the reason, and find another way within what is allowed. End with a short account of what you did.',
].join(' ')

export const defaultLimits = { maxTurns: 50, maxBudgetUsd: 5, stallSeconds: 600 }

/** What is the same for every session of a server: the contract's options, and the configuration's. */
export function agentOptions(agent: AgentSettings = {}): Options {
  const { stallSeconds: _ours, env: _processes, disallowedTools, ...configured } = agent
  const more = isListOfTexts(disallowedTools) ? disallowedTools : []
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
