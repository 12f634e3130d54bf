/**
 * The story of an execution: what its agent does becomes the events of its log. Does no I/O.
 *
 * Owns: the plan, the iteration, and what is open (`OpenEnds`).
 * Invariants: `execution:started` is first and tells nothing twice; one phase is at work at a time; every start of a
 * call has exactly one end, and every start of a phase one; a call lies in a phase, in one that was made up where the
 * agent has no plan; after `end()` nothing is open, and no event follows.
 */
import { type ExecutionEvents, eventTypePattern, type Plan, type ToolStatus } from '@millrace/protocol'
import type { AgentMove } from '#agents/moves'
import { totalOf } from '#agents/spending/price'
import type { EmittedEvent } from '#runners/runner'
import { completed, OpenEnds } from './open-ends.ts'
import { changeOf, withStatus } from './plan-book.ts'

export interface StoryOptions {
  task: string
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds since any moment, for durations: it is never set back. Default: as `now`. */
  elapsed?(): number
}

/** The phase of an agent that works without a plan. */
export const implicitPhase = { id: 'work', name: 'Work' } as const

type Move<Name extends AgentMove['move']> = Extract<AgentMove, { move: Name }>

export class Story {
  readonly #options: StoryOptions
  readonly #open = new OpenEnds()
  /** Every call that began: an id is used once. */
  readonly #calls = new Set<string>()
  #told: EmittedEvent[] = []
  /** By `elapsed`. */
  #beganAt: number | null = null
  #ended = false
  #plan: Plan | null = null
  /** How many phases began: the index of one that is in no plan. */
  #begun = 0
  #iteration = 0
  #tokens: Record<string, number> | null = null

  constructor(options: StoryOptions) {
    this.#options = options
  }

  /** Returns the events of the beginning; none the second time. */
  begin(): EmittedEvent[] {
    return this.#telling(() => this.#begin())
  }

  /** Returns the events that the moves become. */
  take(moves: readonly AgentMove[]): EmittedEvent[] {
    return this.#telling(() => {
      for (const move of moves) this.#move(move)
    })
  }

  /** Returns the events that close what is open. */
  end({ completed: isComplete }: { completed: boolean }): EmittedEvent[] {
    return this.#telling(() => {
      if (isComplete) this.#begin()
      if (isComplete && this.#plan === null && this.#begun === 0) this.#enterImplicit()
      for (const event of this.#open.closing(this.#elapsed(), isComplete ? 'complete' : 'incomplete')) {
        this.#told.push(event)
      }
      this.#ended = true
    })
  }

  /** Milliseconds since the beginning. */
  get duration(): number {
    return this.#beganAt === null ? 0 : Math.max(0, Math.round(this.#elapsed() - this.#beganAt))
  }

  /** Of all kinds together; null where no use was reported. */
  get tokensUsed(): number | null {
    return this.#tokens === null ? null : totalOf(this.#tokens)
  }

  #elapsed(): number {
    const { elapsed, now } = this.#options
    return (elapsed ?? now)()
  }

  #telling(tell: () => void): EmittedEvent[] {
    if (!this.#ended) tell()
    const told = this.#told
    this.#told = []
    return told
  }

  #begin(): void {
    if (this.#beganAt !== null) return
    const { task, now } = this.#options
    this.#beganAt = this.#elapsed()
    this.#tell('execution:started', { task, startedAt: now() })
  }

  #move(move: AgentMove): void {
    this.#begin()
    switch (move.move) {
      case 'plan':
        this.#takePlan(move)
        break
      case 'phase-start':
        this.#startPhase(move.phaseId)
        break
      case 'phase-complete':
        this.#completePhase(move.phaseId)
        break
      case 'thought':
        this.#takeThought(move)
        break
      case 'text':
        this.#takeText(move)
        break
      case 'tool-start':
        this.#startCall(move)
        break
      case 'tool-output':
        this.#takeOutput(move)
        break
      case 'tool-complete':
        this.#completeCall(move)
        break
      case 'usage':
        this.#takeUsage(move)
        break
      case 'step':
        this.#iteration += 1
        break
      case 'note':
        this.#note(move)
        break
      default:
        move satisfies never
    }
  }

  #takePlan({ goal, phases }: Move<'plan'>): void {
    const atWork = this.#open.phaseId
    const change = changeOf({ goal, phases }, this.#plan, { atWork, implicit: this.#plan === null })
    this.#plan = change.plan
    if (change.event !== null) this.#tell(change.event, { plan: change.plan })
    if (change.leaves !== null) this.#leave(change.leaves)
    if (change.enters !== null) this.#enter(change.enters.id, change.enters.name)
  }

  /** A phase that no plan names is not begun: it has no name. */
  #startPhase(phaseId: string): void {
    const phase = this.#plan?.phases.find(({ id }) => id === phaseId)
    if (phase === undefined || this.#open.phaseId === phaseId) return
    this.#leave('complete')
    this.#enter(phaseId, phase.name)
  }

  #completePhase(phaseId: string): void {
    if (this.#open.phaseId === phaseId) this.#leave('complete')
  }

  #enterImplicit(): void {
    this.#enter(implicitPhase.id, implicitPhase.name)
  }

  #enter(phaseId: string, phaseName: string): void {
    const planned = this.#plan?.phases.findIndex(({ id }) => id === phaseId) ?? -1
    const phaseIndex = planned < 0 ? this.#begun : planned
    this.#begun += 1
    if (this.#plan !== null) this.#plan = withStatus(this.#plan, phaseId, 'active')
    this.#tell('phase:start', { phaseId, phaseName, phaseIndex })
  }

  #leave(status: 'complete' | 'incomplete'): void {
    const { phaseId } = this.#open
    // The phase of the plan may be in another state already: what the plan says last counts.
    const planned = this.#plan?.phases.find(({ id }) => id === phaseId)
    if (this.#plan !== null && planned?.status === 'active') {
      this.#plan = withStatus(this.#plan, planned.id, status)
    }
    for (const event of this.#open.phaseComplete(status)) this.#push(event)
  }

  #takeThought({ thought, parentToolCallId }: Move<'thought'>): void {
    if (thought === '') return
    const iteration = Math.max(1, this.#iteration)
    this.#tell('thinking', { thought, iteration, ...this.#place(parentToolCallId) })
  }

  #takeText({ messageId, text, parentToolCallId }: Move<'text'>): void {
    if (text !== '') this.#tell('text:delta', { text, messageId, ...this.#place(parentToolCallId) })
  }

  /** An agent without a plan may still be making one while it thinks and speaks; its first call shows that it works. */
  #startCall({ toolCallId, toolName, params, parentToolCallId }: Move<'tool-start'>): void {
    if (this.#calls.has(toolCallId)) return
    if (this.#plan === null && this.#open.phaseId === null) this.#enterImplicit()
    const place = this.#place(parentToolCallId)
    this.#calls.add(toolCallId)
    this.#tell('tool:start', { toolName, params, toolCallId, ...place })
  }

  #takeOutput({ toolCallId, text }: Move<'tool-output'>): void {
    const call = this.#open.call(toolCallId)
    if (call !== undefined && text !== '') this.#tell('tool:output', { toolCallId, text, ...call.place })
  }

  #completeCall({ toolCallId, status, result }: Move<'tool-complete'>): void {
    const call = this.#open.call(toolCallId)
    if (call === undefined) return
    const at = this.#elapsed()
    const end: { at: number; status: ToolStatus; result: unknown } = { at, status, result: result ?? null }
    this.#push({ type: 'tool:complete', data: completed(toolCallId, call, end) })
  }

  #takeUsage({ tokens, costUsd }: Move<'usage'>): void {
    this.#tokens = tokens
    this.#tell('usage', { tokens, costUsd })
  }

  /** A note may not pass for another event. */
  #note({ type, data }: Move<'note'>): void {
    if (!eventTypePattern.test(type) || ownTypes.test(type)) return
    this.#push({ type, data })
  }

  #place(parentToolCallId: string | undefined): { phaseId?: string; parentToolCallId?: string } {
    const { phaseId } = this.#open
    return {
      ...(phaseId === null ? {} : { phaseId }),
      ...(parentToolCallId !== undefined && this.#calls.has(parentToolCallId) ? { parentToolCallId } : {}),
    }
  }

  #tell<Type extends keyof ExecutionEvents>(type: Type, data: ExecutionEvents[Type]): void {
    this.#push({ type, data })
  }

  #push(event: EmittedEvent): void {
    this.#open.take({ ...event, at: this.#elapsed() })
    this.#told.push(event)
  }
}

/** Types that only the story, and the run itself, may use. */
const ownTypes = /^(?:run:|reset$|execution:|plan:|phase:|tool:|permission:|thinking$|text:delta$|usage$)/
