/**
 * The policy's hold on one session: every call of a tool is judged by the `PreToolUse` hook before it
 * runs, and a person is awaited in `canUseTool` alone.
 *
 * Owns: the verdicts of calls that are under way, by the id of the call.
 * Invariants: whatever fails, denies (the SDK takes a hook that throws for one that is not there); what
 * is executed is the input that was judged; a denied call is told of once, in the run's log and in the
 * server's; nothing is ever allowed that the policy did not allow or a person did not approve.
 */
import { isDeepStrictEqual } from 'node:util'
import type { CanUseTool, HookCallback, PermissionResult } from '@anthropic-ai/claude-agent-sdk'
import { messageOf, type PermissionDeniedEvent } from '@millrace/protocol'
import type { Policy, ToolCall, Verdict } from '../../policy/policy.ts'
import type { RunContext } from '../runner.ts'

export interface PermissionParts {
  policy: Pick<Policy, 'decide'>
  /** Where a call starts when the SDK does not say. Absolute. */
  cwd: string
  ask: RunContext['ask']
  log: RunContext['log']
  denied(event: PermissionDeniedEvent): void
  /** Told when a person begins to be waited for, and when that is over. */
  asking(waits: boolean): void
}

interface Judged {
  call: ToolCall
  verdict: Verdict
}

interface Denied {
  /** The SDK's id of the call. */
  id: string
  tool: string
  input: unknown
  reason: string
  agentId: string | undefined
}

type HookOutput = Awaited<ReturnType<HookCallback>>

export class Permissions {
  private readonly parts: PermissionParts
  private readonly judged = new Map<string, Judged>()
  private readonly told = new Set<string>()
  private closed = false

  constructor(parts: PermissionParts) {
    this.parts = parts
  }

  /** Denies or passes; never throws, never waits. */
  readonly hook: HookCallback = async (input, toolUseId) => {
    if (input.hook_event_name !== 'PreToolUse') return deny('This is no call of a tool.')
    const { tool_name: tool, agent_id: agentId } = input
    const id = input.tool_use_id ?? toolUseId
    try {
      const call = { tool, input: inputOf(input.tool_input), cwd: this.cwdOf(input.cwd) }
      const verdict = this.judge(call)
      this.judged.set(id, { call, verdict })
      switch (verdict.decision) {
        case 'allow':
          return {}
        case 'ask':
          return decide('ask', verdict.reason)
        case 'deny':
          this.tell({ id, tool, input: call.input, reason: verdict.reason, agentId })
          return deny(verdict.reason)
        default:
          return verdict satisfies never
      }
    } catch (error) {
      return deny(this.failed({ id, tool, input: input.tool_input, agentId }, error))
    }
  }

  /** Asked by the SDK after the hook, for calls it has doubts about and for those the hook wants asked. */
  readonly canUseTool: CanUseTool = async (tool, input, { toolUseID: id, agentID: agentId }) => {
    try {
      const { call, verdict } = this.verdictFor(id, tool, input)
      switch (verdict.decision) {
        case 'allow':
          return allow(call)
        case 'ask':
          return await this.askPeople(id, call, verdict.reason, agentId)
        case 'deny':
          this.tell({ id, tool, input: call.input, reason: verdict.reason, agentId })
          return { behavior: 'deny', message: verdict.reason }
        default:
          return verdict satisfies never
      }
    } catch (error) {
      return { behavior: 'deny', message: this.failed({ id, tool, input, agentId }, error) }
    }
  }

  /** The call is over: its verdict is of no more use. */
  forget(toolUseId: string): void {
    this.judged.delete(toolUseId)
    this.told.delete(toolUseId)
  }

  /** The session ends: whatever its process still wants to do, it may not. */
  close(): void {
    this.closed = true
  }

  /** The verdict of the hook, if it was about exactly this. */
  private verdictFor(id: string, tool: string, input: Record<string, unknown>): Judged {
    const known = this.judged.get(id)
    if (
      !this.closed &&
      known !== undefined &&
      known.call.tool === tool &&
      isDeepStrictEqual(known.call.input, input)
    ) {
      return known
    }
    const call = { tool, input: inputOf(input), cwd: known?.call.cwd ?? this.parts.cwd }
    const judged = { call, verdict: this.judge(call) }
    this.judged.set(id, judged)
    return judged
  }

  private judge(call: ToolCall): Verdict {
    if (this.closed) return { decision: 'deny', reason: 'The session ends.' }
    try {
      return this.parts.policy.decide(call)
    } catch (error) {
      return { decision: 'deny', reason: `The policy failed to judge this call: ${messageOf(error)}.` }
    }
  }

  private async askPeople(
    id: string,
    call: ToolCall,
    reason: string,
    agentId: string | undefined,
  ): Promise<PermissionResult> {
    const { ask, asking, log } = this.parts
    asking(true)
    try {
      const answer = await ask({
        toolUseId: id,
        tool: call.tool,
        input: call.input,
        reason,
        ...(agentId === undefined ? {} : { agentId }),
      })
      if (this.closed) return { behavior: 'deny', message: 'The session ends.' }
      if (answer.decision === 'allow') return allow(call)
      log.warn({ tool: call.tool, toolUseId: id, by: answer.by, reason }, 'a call of a tool was not approved')
      return { behavior: 'deny', message: refusalBy(answer, reason) }
    } finally {
      asking(false)
    }
  }

  /** Why a call is denied that could not be judged. */
  private failed(denied: Omit<Denied, 'reason'>, error: unknown): string {
    const reason = `The policy failed to judge this call: ${messageOf(error)}.`
    try {
      this.tell({ ...denied, reason })
    } catch {
      // It is denied whether it can be told of or not.
    }
    return reason
  }

  private tell({ id, tool, input, reason, agentId }: Denied): void {
    if (this.closed || this.told.has(id)) return
    this.told.add(id)
    const agent = agentId === undefined ? {} : { agentId }
    this.parts.log.warn({ tool, toolUseId: id, reason, ...agent }, 'a call of a tool was denied')
    this.parts.denied({ toolUseId: id, tool, input, reason, ...agent })
  }

  private cwdOf(cwd: unknown): string {
    return typeof cwd === 'string' && cwd.startsWith('/') ? cwd : this.parts.cwd
  }
}

function refusalBy(answer: Awaited<ReturnType<RunContext['ask']>>, reason: string): string {
  switch (answer.by) {
    case 'person':
      return `A person refused this call${answer.message ? `: ${answer.message}` : `. It was asked about because: ${reason}`}`
    case 'expiry':
      return `Nobody answered in time, so this call is refused. It was asked about because: ${reason}`
    case 'withdrawn':
      return 'The run ends, so this call is refused.'
    default:
      return answer.by satisfies never
  }
}

function allow(call: ToolCall): PermissionResult {
  return { behavior: 'allow', updatedInput: call.input }
}

function deny(reason: string): HookOutput {
  return decide('deny', reason)
}

function decide(permissionDecision: 'deny' | 'ask', permissionDecisionReason: string): HookOutput {
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision, permissionDecisionReason } }
}

/** A copy, so that nobody changes it after it was judged. */
function inputOf(input: unknown): Record<string, unknown> {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    throw new TypeError('its input is no object')
  }
  return structuredClone(input) as Record<string, unknown>
}
