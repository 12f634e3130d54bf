/**
 * The policy's hold on one session: every call of a tool is judged by the `PreToolUse` hook before it
 * runs, and a person is awaited in `canUseTool` alone.
 *
 * Owns: the verdicts of calls that are under way, by the id of the call. They are bounded in number and
 * size: a program of the project may make up calls in the name of the session's process.
 * Invariants: whatever fails, denies (the SDK takes a hook that throws for one that is not there); what
 * is executed is the input that was judged; a denied call is told of once, in the run's log and in the
 * server's; nothing is ever allowed that the policy did not allow or a person did not approve.
 */
import { createHash } from 'node:crypto'
import type { CanUseTool, HookCallback, PermissionResult } from '@anthropic-ai/claude-agent-sdk'
import type { Policy, ToolCall, Verdict } from '@millrace/policy'
import { messageOf, type PermissionDeniedEvent } from '@millrace/protocol'
import type { RunContext } from '#runners/runner'

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
  tool: string
  cwd: string
  /** Digest of the input. */
  input: string
  verdict: Verdict
}

/** Calls under way that are known. Of a call that was forgotten the verdict is made again. */
const mostJudged = 1000
/** Calls that wait to be judged before the process has to wait. */
const mostWaiting = 16
/** Questions that people are asked at once. */
const mostAsked = 32
/** Characters of a text of the agent's in the server's log. */
const longestLogged = 1000

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
  private asked = 0
  private waiting = 0
  private turn: Promise<void> = Promise.resolve()
  private closed = false

  constructor(parts: PermissionParts) {
    this.parts = parts
  }

  /** Denies or passes; never throws, and waits for its turn alone, never for people. */
  readonly hook: HookCallback = async (input, toolUseId) => {
    if (input.hook_event_name !== 'PreToolUse') return deny('This is no call of a tool.')
    const { tool_name: tool, agent_id: agentId } = input
    const id = input.tool_use_id ?? toolUseId
    await this.inTurn()
    try {
      const call = { tool, input: inputOf(input.tool_input), cwd: this.cwdOf(input.cwd) }
      const verdict = this.judge(call)
      this.remember(id, { tool, cwd: call.cwd, input: digestOf(call.input), verdict })
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
    await this.inTurn()
    try {
      const { call, verdict } = this.verdictFor(id, tool, inputOf(input))
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

  /** What the process has to wait for before it asks more; null when there is room. */
  room(): Promise<void> | null {
    return this.waiting > mostWaiting ? this.turn : null
  }

  /** One call at a time, and between two of them everybody else: to read a long command takes its time. */
  private async inTurn(): Promise<void> {
    this.waiting += 1
    this.turn = this.turn.then(() => new Promise((resolve) => setImmediate(resolve)))
    await this.turn
    this.waiting -= 1
  }

  /** The verdict of the hook, if it was about exactly this. */
  private verdictFor(
    id: string,
    tool: string,
    input: Record<string, unknown>,
  ): { call: ToolCall; verdict: Verdict } {
    const known = this.judged.get(id)
    const call = { tool, input, cwd: known?.cwd ?? this.parts.cwd }
    const digest = digestOf(input)
    if (!this.closed && known !== undefined && known.tool === tool && known.input === digest) {
      return { call, verdict: known.verdict }
    }
    const verdict = this.judge(call)
    this.remember(id, { tool, cwd: call.cwd, input: digest, verdict })
    return { call, verdict }
  }

  private remember(id: string, judged: Judged): void {
    this.judged.set(id, judged)
    dropOldest(this.judged)
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
    if (this.asked >= mostAsked) {
      const tooMany = `People are asked ${mostAsked} questions already. It was to be asked about because: ${reason}`
      this.tell({ id, tool: call.tool, input: call.input, reason: tooMany, agentId })
      return { behavior: 'deny', message: tooMany }
    }
    this.asked += 1
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
      const about = logged({ tool: call.tool, toolUseId: id, by: answer.by, reason })
      log.warn(about, 'a call of a tool was not approved')
      return { behavior: 'deny', message: refusalBy(answer, reason) }
    } finally {
      this.asked -= 1
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
    dropOldest(this.told)
    const agent = agentId === undefined ? {} : { agentId }
    const about = logged({ tool, toolUseId: id, reason, ...agent })
    this.parts.log.warn(about, 'a call of a tool was denied')
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

/** Maps and sets go through their keys in the order in which they came. */
function dropOldest(known: Map<string, unknown> | Set<string>): void {
  for (const id of known.keys()) {
    if (known.size <= mostJudged) return
    known.delete(id)
  }
}

/** Keys in another order make another digest: then it is judged once more. */
function digestOf(input: Record<string, unknown>): string {
  return createHash('sha256').update(JSON.stringify(input)).digest('base64')
}

function logged(about: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(about).map(([name, text]) => [name, String(text).slice(0, longestLogged)]),
  )
}

/** A copy, so that nobody changes it after it was judged. */
function inputOf(input: unknown): Record<string, unknown> {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    throw new TypeError('its input is no object')
  }
  return structuredClone(input) as Record<string, unknown>
}
