/** The self-test at the start of a server: do policy, SDK and program fit together? */
import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { createPolicy, type Policy, type PolicyOptions, type ToolCall } from '@millrace/policy'
import { messageOf } from '@millrace/protocol'
import type { AgentSettings } from '#config/config'
import type { SelfTest } from '#runners/kind'
import { Permissions } from './permissions.ts'
import type { ClaudeRunnerOptions } from './runner.ts'
import { loadSdk, type Sdk } from './sdk.ts'

/** Some project; nothing is read or written there. */
const project = '/nonexistent/project'

/** Takes a second at most; a slow disk may need longer to load the program for the first time. */
export async function checkClaudeRunner(options: ClaudeRunnerOptions): Promise<SelfTest> {
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

/** By the functions that a session gives to the SDK. */
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
        `The policy does not hold: it lets ${call.tool_name} ${JSON.stringify(call.tool_input)} pass`,
      )
    }
  }
  const honest = { tool_name: 'Read', tool_input: { file_path: join(project, 'README.md') } }
  if (
    policy.decide(callOf(honest)).decision === 'allow' &&
    (await decisionOn(policy, honest)) !== undefined
  ) {
    problems.push('The policy does not hold: a call it allows does not pass')
  }
  const broken = {
    decide: () => {
      throw new Error('a policy that fails')
    },
  }
  if ((await decisionOn(broken, honest)) !== 'deny') {
    problems.push('The policy does not hold: where it fails, calls pass')
  }
  return problems
}

type Call = { tool_name: string; tool_input: Record<string, unknown> }

function callOf({ tool_name, tool_input }: Call): ToolCall {
  return { tool: tool_name, input: tool_input, cwd: project }
}

async function decisionOn(policy: Pick<Policy, 'decide'>, call: Call): Promise<string | undefined> {
  const permissions = new Permissions({
    policy,
    cwd: project,
    ask: () => Promise.reject(new Error('nobody is asked at the start')),
    log: { warn: () => {}, info: () => {} },
    denied: () => {},
    asking: () => {},
  })
  const input = { ...call, tool_use_id: 'self-test', session_id: '', transcript_path: '', cwd: project }
  const { signal } = new AbortController()
  const output = await permissions.hook({ ...input, hook_event_name: 'PreToolUse' }, 'self-test', { signal })
  const specific = 'hookSpecificOutput' in output ? output.hookSpecificOutput : undefined
  return specific?.hookEventName === 'PreToolUse' ? specific.permissionDecision : undefined
}

const startTimeoutMs = 30_000

/** The program that the SDK would start, as it finds it itself; it is asked for its version. */
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

/** Nothing is started: the SDK is only let come to where it would. */
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
