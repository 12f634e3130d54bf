/** The engine's self-test: does the gate hold, and do SDK and program fit together? */
import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { createPolicy, type Policy, type PolicyOptions, type ToolCall } from '@millrace/policy'
import { messageOf } from '@millrace/protocol'
import { Gate } from '#agents/gate'
import type { AgentSettings, PolicySettings } from '#config/config'
import type { SelfTest } from '#runners/kind'
import { hookOf } from './permissions.ts'
import { loadSdk, type Sdk } from './sdk.ts'

export interface SelfTestOptions {
  agent: AgentSettings | undefined
  policy: PolicySettings | undefined
  hidden: readonly string[]
  home: string
  createPolicy?: (options: PolicyOptions) => Pick<Policy, 'decide'>
}

/** Any project; the test reads and writes nothing there. */
const project = '/nonexistent/project'

/** Takes a second at most, longer if a slow disk loads the program for the first time. */
export async function testClaude(options: SelfTestOptions): Promise<SelfTest> {
  const { policy: settings, hidden, home, agent } = options
  const given: PolicyOptions = {
    allowedTools: settings?.allowedTools,
    unreadableBash: settings?.unreadableBash ?? 'allow',
    approvals: 'off',
    sandboxed: false,
    projectPath: project,
    home,
    hidden,
  }
  const problems = await enforcementProblems((options.createPolicy ?? createPolicy)(given))
  let sdk: Awaited<ReturnType<typeof loadSdk>>
  try {
    sdk = await loadSdk()
  } catch (error) {
    return {
      problems: [...problems, `The agent SDK cannot be loaded: ${messageOf(error)}`],
      warnings: [],
    }
  }
  problems.push(...(await programProblems(sdk.query, agent)))
  return { problems, warnings: warningsOf(createPolicy(given).unknownTools(sdk.BUILTIN_TOOL_NAMES)) }
}

function warningsOf(unknownTools: readonly string[]): string[] {
  if (unknownTools.length === 0) return []
  return [`policy.allowedTools has names that the agent SDK does not know: ${unknownTools.join(', ')}`]
}

/** Tests the same hook that an agent gives to the SDK. */
async function enforcementProblems(policy: Pick<Policy, 'decide'>): Promise<string[]> {
  const problems: string[] = []
  const forbidden = [
    { tool_name: 'AskUserQuestion', tool_input: {} },
    { tool_name: 'Bash', tool_input: { command: 'rm -rf /' } },
    { tool_name: 'Write', tool_input: { file_path: '/etc/passwd', content: '' } },
  ]
  for (const call of forbidden) {
    if ((await decisionOn(policy, call)) !== 'deny') {
      problems.push(
        `The policy does not hold: it allows ${call.tool_name} ${JSON.stringify(call.tool_input)}`,
      )
    }
  }
  const honest = { tool_name: 'Read', tool_input: { file_path: join(project, 'README.md') } }
  if (
    policy.decide(callOf(honest)).decision === 'allow' &&
    (await decisionOn(policy, honest)) !== undefined
  ) {
    problems.push('The policy does not hold: a call that it allows is blocked')
  }
  const broken = {
    decide: () => {
      throw new Error('a policy that fails')
    },
  }
  if ((await decisionOn(broken, honest)) !== 'deny') {
    problems.push('The policy does not hold: calls pass when it fails')
  }
  return problems
}

type Call = { tool_name: string; tool_input: Record<string, unknown> }

function callOf({ tool_name, tool_input }: Call): ToolCall {
  return { tool: tool_name, input: tool_input, cwd: project }
}

async function decisionOn(policy: Pick<Policy, 'decide'>, call: Call): Promise<string | undefined> {
  const gate = new Gate({
    policy,
    cwd: project,
    ask: () => Promise.reject(new Error('nobody is asked during the self-test')),
    log: { warn: () => {}, info: () => {} },
  })
  const input = { ...call, tool_use_id: 'self-test', session_id: '', transcript_path: '', cwd: project }
  const { signal } = new AbortController()
  const output = await hookOf(gate)({ ...input, hook_event_name: 'PreToolUse' }, 'self-test', { signal })
  const specific = 'hookSpecificOutput' in output ? output.hookSpecificOutput : undefined
  return specific?.hookEventName === 'PreToolUse' ? specific.permissionDecision : undefined
}

const startTimeoutMs = 30_000

/** Asks the program that the SDK would start for its version. */
async function programProblems(query: Sdk['query'], agent: AgentSettings | undefined): Promise<string[]> {
  const install = 'install the optional dependencies (npm install --include=optional)'
  let program: string
  try {
    program = programOf(query, agent)
  } catch (error) {
    return [`The agent SDK does not find its program: ${messageOf(error)}; ${install}`]
  }
  try {
    await promisify(execFile)(program, ['--version'], { env: {}, timeout: startTimeoutMs })
    return []
  } catch (error) {
    const reason = messageOf(error).split('\n')[0]
    return [`The agent SDK's program ${program} cannot be executed (${reason}); ${install}`]
  }
}

/** Returns the program that the SDK would start. Starts nothing: the spawn function only takes the command. */
function programOf(query: Sdk['query'], agent: AgentSettings | undefined): string {
  const configured = agent?.pathToClaudeCodeExecutable
  if (typeof configured === 'string') return configured
  let command = ''
  const idle = new EventEmitter()
  const started = query({
    prompt: '',
    options: {
      env: {},
      spawnClaudeCodeProcess: (wanted) => {
        command = wanted.command
        const nothing = { stdin: new PassThrough(), stdout: new PassThrough(), killed: false, exitCode: null }
        return Object.assign(idle, { ...nothing, kill: () => true })
      },
    },
  })
  started.close()
  return command
}
