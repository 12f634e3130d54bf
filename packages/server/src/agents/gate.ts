/**
 * The gate in front of an agent's tool calls: the policy judges each call, and the gate asks people where
 * the policy says so. It knows no agent SDK: an engine translates its own requests into `GateCall`s.
 *
 * Owns: the verdicts of open calls, by the id of the call. They are bounded in number and size: a program
 * of the project may make up calls in the name of the agent's process.
 * Invariants: a failure denies; the input that is executed is the input that was judged; a denied call is
 * reported once, in the run's log and in the server's; only the policy or a person allows a call. What a person
 * allows for the whole run is a tool with an input; another input is asked about again, and what the policy denies stays denied.
 */
import { createHash } from 'node:crypto'
import type { Policy, ToolCall, Verdict } from '@millrace/policy'
import type { Form, FormValues, PermissionDeniedEvent } from '@millrace/protocol'
import type { ApprovalAnswer, RunContext } from '#runners/runner'
import { failureReason, noAnswer, refusalBy, withdrawnReason } from './refusals.ts'

export interface GateParts {
  policy: Pick<Policy, 'decide'>
  /** The directory of a call that names none. Absolute. */
  cwd: string
  ask: RunContext['ask']
  /** Withdraws the open question about a call. Absent: nothing withdraws one. */
  withdraw?: RunContext['withdraw']
  /** Kinds of calls that people have allowed for the whole run before. */
  allowed?: Iterable<string>
  /** Called with each that is added. */
  keep?(kind: string): void
  log: RunContext['log']
}

/** What the gate reports to its engine. */
export interface GateListener {
  denied(event: PermissionDeniedEvent): void
  /** True when a question to people opens, false when it closes. */
  asking(waits: boolean): void
}

/** What a call asks people for, instead of permission: the policy has no say in it, since it does nothing but ask. */
export interface GateForm extends Form {
  /** The input that carries the answer. */
  inputWith(values: FormValues): Record<string, unknown>
}

export interface GateCall {
  /** The agent's id of the call. */
  id: string
  tool: string
  /** Unchecked, from the agent's process: may be anything. */
  input: unknown
  cwd?: unknown
  /** Present when a subagent makes the call. */
  agentId?: string | undefined
  /** The engine can run another input than the agent's. Without it, such an answer denies the call, and says why. */
  changeable?: boolean
  form?: GateForm
  /** Aborted when nobody needs an answer any longer: people are then not asked, or their open question is withdrawn. */
  signal?: AbortSignal | undefined
}

export type Permit = { allowed: true; input: Record<string, unknown> } | { allowed: false; reason: string }

interface Judged {
  tool: string
  cwd: string
  inputDigest: string
  verdict: Verdict
}

interface Asked {
  inputDigest: string
  permit: Promise<Permit>
}

/** Open calls whose verdict is remembered. A forgotten call is judged again. */
const judgedCallsMax = 1000
/** Calls that may wait for a verdict before the process has to wait. */
const waitingCallsMax = 16
/** Kinds of calls that may be allowed for a whole run. Beyond them, people are asked each time. */
const allowedKindsMax = 1000
/** Approvals open at once. */
const openApprovalsMax = 32
/** The bound of an agent's text in the server's log. */
const loggedCharsMax = 1000

export class Gate {
  /** Set by the engine, before its first call. */
  listener: GateListener = { denied: () => {}, asking: () => {} }
  readonly #parts: GateParts
  readonly #judged = new Map<string, Judged>()
  readonly #reported = new Set<string>()
  /** Kinds of calls that people allowed for the whole run. */
  readonly #allowed: Set<string>
  /** Questions whose answers nobody has used, by the id of the call. */
  readonly #asked = new Map<string, Asked>()
  /** Questions that people are being asked, each with the id of its call. An agent may use an id twice. */
  readonly #open = new Set<{ id: string; isWithdrawn: boolean }>()
  #waiting = 0
  #turn: Promise<void> = Promise.resolve()
  #closed = false

  constructor(parts: GateParts) {
    this.#parts = parts
    this.#allowed = new Set(parts.allowed)
  }

  /** Returns the policy's verdict. Never rejects; waits for its turn, never for people. */
  async judge(call: GateCall): Promise<Verdict> {
    await this.#inTurn()
    try {
      const toolCall = { tool: call.tool, input: inputOf(call.input), cwd: this.#cwdOf(call.cwd) }
      const verdict = this.#decide(toolCall, call.form)
      this.#remember(call.id, toolCall, verdict)
      if (verdict.decision === 'deny') this.#report(call, toolCall.input, verdict.reason)
      return verdict
    } catch (error) {
      return { decision: 'deny', reason: this.#reportFailure(call, error) }
    }
  }

  /**
   * Decides whether the call may run, and with which input. Uses the verdict of `judge` if that was about
   * exactly this call, and waits for people where the policy asks. Never rejects.
   */
  async permit(call: GateCall): Promise<Permit> {
    await this.#inTurn()
    try {
      const { toolCall, verdict } = this.#verdictFor(call)
      switch (verdict.decision) {
        case 'allow':
          return { allowed: true, input: toolCall.input }
        case 'ask':
          if (call.form === undefined && this.#allowed.has(kindOf(toolCall)))
            return { allowed: true, input: toolCall.input }
          return await this.#answerTo(call, toolCall, verdict.reason)
        case 'deny':
          this.#report(call, toolCall.input, verdict.reason)
          return { allowed: false, reason: verdict.reason }
        default:
          return verdict satisfies never
      }
    } catch (error) {
      return { allowed: false, reason: this.#reportFailure(call, error) }
    }
  }

  /**
   * Asks people about a call whose verdict is *ask*, and resolves when they have answered. `permit` then takes that answer.
   * `asked` is called once the question is put. Never rejects.
   */
  async answered(call: GateCall, asked: () => void = () => {}): Promise<void> {
    await this.#inTurn()
    try {
      const { toolCall, verdict } = this.#verdictFor(call)
      if (verdict.decision !== 'ask' || (call.form === undefined && this.#allowed.has(kindOf(toolCall))))
        return
      const permit = this.#askPeople(call, toolCall, verdict.reason)
      this.#asked.set(call.id, { inputDigest: digestOf(toolCall.input), permit })
      dropOldest(this.#asked)
      if (this.#isOpen(call.id)) asked()
      await permit
    } catch {
      // Whoever permits the call learns it.
    }
  }

  /** Denies a call that nobody can be asked about. Never throws. */
  refuse(call: GateCall, reason: string): void {
    try {
      this.#report(call, inputOf(call.input), reason)
    } catch {
      // The call is denied whether or not the report succeeds.
    }
  }

  /** Withdraws the question about a call, or about every call: they are refused. The end of a run does that by itself. */
  withdraw(id?: string): void {
    if (this.#closed) return
    const open = [...this.#open].filter((one) => id === undefined || one.id === id)
    const ids = new Set(open.filter(({ isWithdrawn }) => !isWithdrawn).map((one) => one.id))
    for (const one of open) one.isWithdrawn = true
    // One that an earlier process of the agent put may be open.
    if (open.length === 0 && id !== undefined) ids.add(id)
    // A failure also ends the run.
    for (const one of ids) this.#parts.withdraw?.(one).catch(() => {})
  }

  /** Forgets the verdict of a call that is over. */
  forget(id: string): void {
    this.#judged.delete(id)
    this.#asked.delete(id)
    this.#reported.delete(id)
  }

  /** Denies every call from here on, without a report: the agent is being ended. */
  close(): void {
    this.#closed = true
  }

  /** What the process must wait for before it makes more calls; null if there is room. */
  room(): Promise<void> | null {
    return this.#waiting > waitingCallsMax ? this.#turn : null
  }

  /** Judges one call at a time, yielding to the event loop in between: a long command takes time to parse. */
  async #inTurn(): Promise<void> {
    this.#waiting += 1
    this.#turn = this.#turn.then(() => new Promise((resolve) => setImmediate(resolve)))
    await this.#turn
    this.#waiting -= 1
  }

  #verdictFor({ id, tool, input: given, form }: GateCall): { toolCall: ToolCall; verdict: Verdict } {
    const input = inputOf(given)
    const known = this.#judged.get(id)
    const toolCall = { tool, input, cwd: known?.cwd ?? this.#parts.cwd }
    if (!this.#closed && known?.tool === tool && known.inputDigest === digestOf(input)) {
      return { toolCall, verdict: known.verdict }
    }
    const verdict = this.#decide(toolCall, form)
    this.#remember(id, toolCall, verdict)
    return { toolCall, verdict }
  }

  #remember(id: string, { tool, cwd, input }: ToolCall & { cwd: string }, verdict: Verdict): void {
    this.#judged.set(id, { tool, cwd, inputDigest: digestOf(input), verdict })
    dropOldest(this.#judged)
  }

  #decide(call: ToolCall, form?: GateForm): Verdict {
    if (this.#closed) return { decision: 'deny', reason: 'The session is ending.' }
    if (form !== undefined) return { decision: 'ask', reason: form.message }
    try {
      return this.#parts.policy.decide(call)
    } catch (error) {
      return { decision: 'deny', reason: failureReason(error) }
    }
  }

  /** Each answer is used once. */
  #answerTo(call: GateCall, toolCall: ToolCall, reason: string): Promise<Permit> {
    const asked = this.#asked.get(call.id)
    this.#asked.delete(call.id)
    if (asked !== undefined && asked.inputDigest === digestOf(toolCall.input))
      return this.#whileWanted(call, () => asked.permit)
    return this.#askPeople(call, toolCall, reason)
  }

  /** Waits for people, and withdraws their question when the signal of the call aborts. */
  async #whileWanted({ id, signal }: GateCall, wait: () => Promise<Permit>): Promise<Permit> {
    const withdraw = () => this.withdraw(id)
    if (signal?.aborted) {
      withdraw()
      return { allowed: false, reason: withdrawnReason }
    }
    signal?.addEventListener('abort', withdraw, { once: true })
    try {
      return await wait()
    } finally {
      signal?.removeEventListener('abort', withdraw)
    }
  }

  #isOpen(id: string): boolean {
    return [...this.#open].some((open) => open.id === id)
  }

  async #askPeople(call: GateCall, toolCall: ToolCall, reason: string): Promise<Permit> {
    if (this.#open.size >= openApprovalsMax) {
      const refusal = `${openApprovalsMax} approvals are open already, so this call is refused. It needs one because: ${reason}`
      this.#report(call, toolCall.input, refusal)
      return { allowed: false, reason: refusal }
    }
    return this.#whileWanted(call, () => this.#putToPeople(call, toolCall, reason))
  }

  async #putToPeople(call: GateCall, toolCall: ToolCall, reason: string): Promise<Permit> {
    const { tool, input } = toolCall
    const { ask, log } = this.#parts
    const { id, agentId } = call
    const form =
      call.form === undefined ? {} : { form: { message: call.form.message, schema: call.form.schema } }
    const open = { id, isWithdrawn: false }
    this.#open.add(open)
    this.listener.asking(true)
    try {
      const answer = await ask({ toolUseId: id, tool, input, reason, ...agentOf(agentId), ...form })
      if (this.#closed) return { allowed: false, reason: 'The session is ending.' }
      if (answer.decision === 'allow') return this.#approved(call, toolCall, answer)
      log.warn(logged({ tool, toolUseId: id, by: answer.by, reason }), 'a tool call was not approved')
      return { allowed: false, reason: call.form ? noAnswer(answer) : refusalBy(answer, reason) }
    } finally {
      this.#open.delete(open)
      this.listener.asking(false)
    }
  }

  /** A person has approved the call, perhaps with another input: what was approved is what runs. */
  #approved(call: GateCall, asked: ToolCall, { updatedInput, values, scope }: ApprovalAnswer): Permit {
    if (call.form !== undefined) return { allowed: true, input: inputOf(call.form.inputWith(values ?? {})) }
    const toolCall = updatedInput === undefined ? asked : { ...asked, input: inputOf(updatedInput) }
    if (updatedInput !== undefined) {
      const verdict = this.#decide(toolCall)
      const refusal = call.changeable
        ? verdict.decision === 'deny' &&
          `A person approved this call with another input, which is denied: ${verdict.reason}`
        : `A person approved this call with another input only. Make the call again with ${JSON.stringify(updatedInput)}`
      if (refusal !== false) {
        this.#report(call, toolCall.input, refusal)
        return { allowed: false, reason: refusal }
      }
    }
    if (scope === 'run') this.#allowForRun(kindOf(toolCall))
    return { allowed: true, input: toolCall.input }
  }

  #allowForRun(kind: string): void {
    if (this.#allowed.has(kind) || this.#allowed.size >= allowedKindsMax) return
    this.#allowed.add(kind)
    this.#parts.keep?.(kind)
  }

  #reportFailure(call: GateCall, error: unknown): string {
    const reason = failureReason(error)
    try {
      this.#report(call, call.input, reason)
    } catch {
      // The call is denied whether or not the report succeeds.
    }
    return reason
  }

  #report({ id, tool, agentId }: GateCall, input: unknown, reason: string): void {
    if (this.#closed || this.#reported.has(id)) return
    this.#reported.add(id)
    dropOldest(this.#reported)
    const agent = agentOf(agentId)
    this.#parts.log.warn(logged({ tool, toolUseId: id, reason, ...agent }), 'a tool call was denied')
    this.listener.denied({ toolUseId: id, tool, input, reason, ...agent })
  }

  #cwdOf(cwd: unknown): string {
    return typeof cwd === 'string' && cwd.startsWith('/') ? cwd : this.#parts.cwd
  }
}

function agentOf(agentId: string | undefined): { agentId?: string } {
  return agentId === undefined ? {} : { agentId }
}

/** Maps and sets iterate in the order of insertion. */
function dropOldest(known: Map<string, unknown> | Set<string>): void {
  for (const id of known.keys()) {
    if (known.size <= judgedCallsMax) return
    known.delete(id)
  }
}

/** What a call is apart from what it says to people. */
function kindOf({ tool, input }: ToolCall): string {
  const { description: _forPeople, ...rest } = input
  return `${tool} ${digestOf(Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))))}`
}

/** Another order of keys gives another digest: the call is then judged again. */
function digestOf(input: Record<string, unknown>): string {
  return createHash('sha256').update(JSON.stringify(input)).digest('base64')
}

function logged(about: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(about).map(([name, text]) => [name, String(text).slice(0, loggedCharsMax)]),
  )
}

/** Returns a copy, so that the input cannot change after it was judged. */
function inputOf(input: unknown): Record<string, unknown> {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    throw new TypeError('its input is not an object')
  }
  return structuredClone(input) as Record<string, unknown>
}
