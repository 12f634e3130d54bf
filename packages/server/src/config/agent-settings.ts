/**
 * The section `agent`: those options of the agent SDK that are data, and that affect neither the boundary
 * nor the identity of a run.
 */
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import type { FieldError } from '@millrace/protocol'
import type { AgentSettings } from './config.ts'
import { unknownKey } from './problems.ts'

const run = 'no such key: the run determines it'
const conversation = 'no such key: a conversation is resumed through its run'
const permission = 'no such key: the policy decides on calls (see "policy" in the configuration)'
const settings = 'no such key: settings of the SDK can switch the policy off'
const program = 'no such key: the sandbox starts the process'
const notData = 'no such key: its value is not data'

/**
 * Every option of the installed SDK: null if the configuration may set it, else the reason why not. The type
 * forces a decision on each option that a new version adds.
 */
const rules: Record<keyof Options, string | null> = {
  abortController: notData,
  additionalDirectories: null,
  agent: null,
  agentProgressSummaries: null,
  agents: null,
  allowDangerouslySkipPermissions: permission,
  allowedTools: 'no such key: policy.allowedTools is the list of tools',
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
  sandbox: 'no such key: the whole process runs in the sandbox (see "sandbox" in the configuration)',
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

/** Keys of `agent` that are our own and never reach the SDK. */
const ownKeys = ['stallSeconds', 'limits', 'network']

/** Options that the configuration may not set, each with the phrase that completes "expected …". */
export const reservedAgentOptions: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(rules).filter((rule): rule is [string, string] => rule[1] !== null),
)

/** Options of the SDK that the configuration may set. */
export const agentOptions: readonly string[] = Object.keys(rules)
  .filter((key) => reservedAgentOptions[key] === undefined)
  .sort()

/** Lists the problems of the section `agent`; each `path` begins with `agent.`. */
export function agentProblems(agent: AgentSettings): FieldError[] {
  const known = [...ownKeys, ...agentOptions]
  return Object.entries(agent).flatMap(([key, value]) => {
    const path = `agent.${key}`
    const reserved = reservedAgentOptions[key]
    if (reserved !== undefined) return [{ path, expected: reserved }]
    if (!known.includes(key)) return [{ path, expected: unknownKey(key, known) }]
    switch (key) {
      case 'env':
        return environmentProblems(value)
      case 'disallowedTools':
        return isListOfStrings(value) ? [] : [{ path, expected: 'a list of tool names' }]
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

function environmentProblems(env: unknown): FieldError[] {
  if (env === null || typeof env !== 'object' || Array.isArray(env)) {
    return [{ path: 'agent.env', expected: 'an object whose values are strings' }]
  }
  return Object.entries(env).flatMap(([name, value]) => {
    const path = `agent.env.${name}`
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      return [{ path, expected: 'the name of an environment variable' }]
    }
    if (isReservedVariable(name))
      return [{ path, expected: 'another name: the server sets this variable itself' }]
    return typeof value === 'string' && !value.includes('\0') ? [] : [{ path, expected: 'a string' }]
  })
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** Variables that belong to the run, the gateway or the SDK, or that hold the boundary. */
const reservedVariables = [
  'PATH',
  'HOME',
  'TMPDIR',
  'CLAUDE_CODE_TMPDIR',
  'CLAUDE_CONFIG_DIR',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_CUSTOM_HEADERS',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
  'CLAUDE_CODE_SUBPROCESS_ENV_SCRUB',
  'NODE_OPTIONS',
  'BUN_OPTIONS',
  'BASH_ENV',
  'ENV',
  'CLAUDE_CODE_ENTRYPOINT',
  'CLAUDE_AGENT_SDK_VERSION',
  'CLAUDE_CODE_SDK_READS_SESSION_STATE',
  'CLAUDE_CODE_SDK_READS_STARTUP_MARKS',
  'SHELL',
  'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC',
  'CLAUDE_CODE_DISABLE_BACKGROUND_TASKS',
  'CLAUDE_CODE_DISABLE_CRON',
  'CLAUDE_CODE_DISABLE_FILE_MENTIONS',
  'CLAUDE_CODE_DISABLE_AUTO_MEMORY',
  'DISABLE_AUTOUPDATER',
]

export function isReservedVariable(name: string): boolean {
  return reservedVariables.includes(name.toUpperCase()) || /^MILLRACE_/i.test(name)
}
