/** The engine's self-test: does the gate hold, and do SDK and program fit together? */
import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { createPolicy } from '@millrace/policy'
import { messageOf } from '@millrace/protocol'
import type { Gate } from '#agents/gate'
import { gateProblems, project, type TestedCall, type TestedGate, testedPolicy } from '#agents/gate-test'
import type { AgentSettings } from '#config/config'
import type { SelfTest } from '#runners/kind'
import { hookOf } from './permissions.ts'
import { loadSdk, type Sdk } from './sdk.ts'

export interface SelfTestOptions extends TestedGate {
  agent: AgentSettings | undefined
}

/** Takes a second at most, longer if a slow disk loads the program for the first time. */
export async function testClaude(options: SelfTestOptions): Promise<SelfTest> {
  const { agent } = options
  const problems = await gateProblems(options, hookDecision)
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
  return {
    problems,
    warnings: warningsOf(createPolicy(testedPolicy(options)).unknownTools(sdk.BUILTIN_TOOL_NAMES)),
  }
}

function warningsOf(unknownTools: readonly string[]): string[] {
  if (unknownTools.length === 0) return []
  return [`policy.allowedTools has names that the agent SDK does not know: ${unknownTools.join(', ')}`]
}

/** Asks the same hook that an agent gives to the SDK. */
async function hookDecision(gate: Gate, { tool, input }: TestedCall): Promise<string | undefined> {
  const call = { tool_name: tool, tool_input: input, tool_use_id: 'self-test', cwd: project }
  const { signal } = new AbortController()
  const output = await hookOf(gate)(
    { ...call, session_id: '', transcript_path: '', hook_event_name: 'PreToolUse' },
    'self-test',
    { signal },
  )
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
