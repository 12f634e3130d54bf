/**
 * The tool policy as `canUseTool`, for programs that call the agent SDK's `query()` themselves. It fails
 * closed: any failure on the way to a verdict is a denial.
 */
import { homedir } from 'node:os'
import type { CanUseTool } from '@anthropic-ai/claude-agent-sdk'
import { createPolicy, type PolicyOptions } from '@millrace/policy'
import { messageOf } from '@millrace/protocol'

export interface CanUseToolOptions {
  /** Absolute: the directory that the agent may change. Default: the current directory when a call is judged. */
  projectPath?: string
  /** Absolute: where the agent works, the `cwd` of `query()`. Default: the project. */
  cwd?: string
  /** Absolute: the home whose credentials are protected. Default: that of this process's user. */
  home?: string
  /** Names of tools, or `mcp__server__*`. Default: the built-in list. */
  allowedTools?: readonly string[]
  /** Absolute paths that no call may read or write. */
  hidden?: readonly string[]
  /** Does the agent's process run inside a boundary of yours? Default: no; bash that cannot be read goes to `ask`, or is denied. */
  sandboxed?: boolean
  /** Inside a boundary: the verdict on bash that cannot be read. Default: `ask` if `ask` is given, else `allow`. */
  unreadableBash?: PolicyOptions['unreadableBash']
  /** Puts the verdict *ask* to a person. Without it, *ask* is a denial; so is a rejection. */
  ask?(question: PermissionQuestion): Promise<{ decision: 'allow' | 'deny'; message?: string }>
}

export interface PermissionQuestion {
  tool: string
  input: Record<string, unknown>
  /** Why the policy asks, in one sentence. */
  reason: string
  toolUseId: string
  /** Aborted when the answer is no longer needed. */
  signal: AbortSignal
}

export function createCanUseTool(options: CanUseToolOptions = {}): CanUseTool {
  const { ask } = options
  return async (tool, input, { toolUseID, signal }) => {
    // The input that runs is the input that was judged.
    const allow = { behavior: 'allow', updatedInput: input } as const
    const deny = (message: string) => ({ behavior: 'deny', message }) as const
    try {
      const projectPath = options.projectPath ?? process.cwd()
      const verdict = policyFor(options, projectPath).decide({ tool, input, cwd: options.cwd ?? projectPath })
      if (verdict.decision === 'allow') return allow
      if (verdict.decision === 'deny' || ask === undefined) return deny(verdict.reason)
      const answer = await ask({ tool, input, reason: verdict.reason, toolUseId: toolUseID, signal })
      return answer.decision === 'allow' ? allow : deny(answer.message ?? verdict.reason)
    } catch (error) {
      return deny(`The policy failed: ${messageOf(error)}.`)
    }
  }
}

function policyFor(options: CanUseToolOptions, projectPath: string) {
  const { home = homedir(), sandboxed = false, allowedTools, hidden, ask } = options
  return createPolicy({
    projectPath,
    home,
    sandboxed,
    approvals: ask === undefined ? 'off' : 'on',
    unreadableBash: options.unreadableBash ?? (ask === undefined ? 'allow' : 'ask'),
    allowedTools,
    hidden,
  })
}

/** The policy for an agent that works in the current directory, outside any sandbox, with nobody to ask. */
export const canUseTool: CanUseTool = createCanUseTool()
