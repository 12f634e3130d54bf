/**
 * The loop of one agent: ask the model, run its calls, repeat, until it answers without a call. That is a turn;
 * a message of a person begins another one, joins it between two steps, or cuts it. A subtask is a loop inside a call.
 *
 * Owns: the conversation of this agent, and the signal of its turn. `Shared` belongs to the execution.
 * Invariants: an answer is on disk before its calls run; every call is answered exactly once, also when the turn is
 * cut; no step begins that could exceed a limit; nothing is reported once the signal of the execution is aborted.
 */
import type { ModelMessage, ToolSet } from 'ai'
import type { AgentMessage } from '#agents/agent'
import type { AgentMove } from '#agents/moves'
import { ExecutionFailure } from '#agents/spending/meter'
import { estimateTokens } from '#agents/spending/price'
import { isOverflow } from '../model/failure.ts'
import { saidBy } from '../said.ts'
import { compact } from '../transcript/compaction.ts'
import { type Conversation, resultOf } from '../transcript/conversation.ts'
import type { Entry } from '../transcript/entries.ts'
import { type Answered, answerCall, CallNotBegun, type CallParts } from './calls.ts'
import { type PlanAnswer, type PlanBoard, phaseTool, planTool } from './plan.ts'
import { boundedName, type Shared } from './shared.ts'
import { BrokenAnswer, type Step, type StepCall, takeStep } from './step.ts'

export interface LoopParts {
  shared: Shared
  conversation: Conversation
  instructions: string
  tools: ToolSet
  /** The estimated tokens of instructions and tools. */
  fixedTokens: number
  /** The plan, for the agent that has it. */
  board: PlanBoard | null
  /** Present in a subtask: the call that it answers. */
  parentToolCallId: string | undefined
  /** How many subtasks this agent is inside of. */
  depth: number
  /** Stores and reports in one commit. Resolves when both are on disk. */
  keep(entries: readonly Entry[], moves: readonly AgentMove[]): Promise<void>
  runTask(call: StepCall, parts: CallParts): Promise<Answered>
}

/** After this many cut answers in a row, the model is considered unable to finish. */
const cutsMax = 3
/** Calls of one answer that run at the same time. */
const callsAtOnceMax = 8
/** How often a failed step is repeated. */
const repeatsMax = 3
/** The share of the context window that a conversation may fill, and its share after it was shortened. */
const windowShare = { full: 0.8, target: 0.5 }

export class Loop {
  readonly #parts: LoopParts
  #turn = new AbortController()
  /** As the parts' own, with a signal that the end of the turn aborts, too. */
  #shared: Shared
  #steps = 0
  /** The provider's count of tokens after its last answer, which was the last of `messages` messages. */
  #counted: { tokens: number; messages: number } | null = null

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#shared = parts.shared
  }

  /** Runs one turn. Returns the model's last words, '' if the turn was cut. Throws what ends the execution. */
  async run(): Promise<string> {
    const signal = AbortSignal.any([this.#parts.shared.signal, this.#turn.signal])
    this.#shared = { ...this.#parts.shared, signal }
    try {
      return await this.#work()
    } catch (error) {
      // A subtask is the call of an agent, which answers it.
      if (this.#isCut && this.#parts.parentToolCallId === undefined) return ''
      throw error
    }
  }

  /** Cuts the turn, the first one until `expectTurn()`: its calls are ended and answered, and `run()` returns. */
  cut(): void {
    this.#turn.abort()
  }

  /** The turn is over. From here on `cut()` is about the next one, whether or not that has begun. */
  expectTurn(): void {
    this.#turn = new AbortController()
  }

  /** Adds a message of a person to the conversation. */
  async hear({ id, ...said }: AgentMessage): Promise<void> {
    const { shared } = this.#parts
    if (shared.ended.aborted) return
    const kept = this.#take([{ type: 'message', message: saidBy(said), from: id }], [])
    // In the same tick, so that both are in one commit.
    void shared.host.dialogue.delivered(id).catch(() => {})
    await kept
  }

  get #isCut(): boolean {
    return this.#shared.signal.aborted && !this.#shared.ended.aborted
  }

  async #work(): Promise<string> {
    const texts: string[] = []
    let wasSilent = false
    for (let cuts = 0; ; ) {
      const step = await this.#step()
      if (step.wasRefused) throw new ExecutionFailure('refused', 'The model refused to continue this task.')
      texts.push(step.text)
      const open = await this.#keepStep(step)
      const words = texts.join('')
      if (step.calls.length === 0 && !step.wasCut) {
        if (words !== '' || wasSilent) return words
        wasSilent = true
        await this.#say('Your answer was empty. Continue the task, or say what you did and what is left.')
        continue
      }
      cuts = step.wasCut ? cuts + 1 : 0
      if (cuts >= cutsMax) {
        throw new ExecutionFailure('max_tokens', `The model's answer was cut ${cuts} times in a row.`)
      }
      if (step.calls.length === 0) {
        await this.#say('Your answer reached its greatest length. Continue exactly where it was cut.')
      } else {
        texts.length = 0
        await this.#answerAll(open)
        await this.#join()
      }
    }
  }

  /** Takes in the messages that join the turn. A subtask has nobody to listen to. */
  async #join(): Promise<void> {
    const { shared, parentToolCallId } = this.#parts
    if (parentToolCallId !== undefined) return
    for (const message of await shared.host.dialogue.joining()) await this.hear(message)
  }

  async #step(): Promise<Step> {
    const { conversation } = this.#parts
    const shared = this.#shared
    this.#fit(shared.model.contextTokens)
    for (let tries = 0; ; tries += 1) {
      shared.signal.throwIfAborted()
      try {
        return await takeStep(this.#stepParts(conversation.messages))
      } catch (error) {
        shared.signal.throwIfAborted()
        if (tries >= repeatsMax || !this.#canRepeat(error)) throw error
      }
    }
  }

  /** Returns whether the step can be repeated: after a broken answer, or with a shorter conversation. */
  #canRepeat(error: unknown): boolean {
    if (isOverflow(error)) {
      return this.#shorten(estimateTokens(this.#parts.conversation.messages) * windowShare.target)
    }
    if (!(error instanceof BrokenAnswer)) return false
    const note: AgentMove = { move: 'note', type: 'step:repeated', data: { reason: error.message } }
    void this.#parts.keep([], [note])
    return true
  }

  #stepParts(messages: readonly ModelMessage[]): Parameters<typeof takeStep>[0] {
    const { instructions, tools, parentToolCallId } = this.#parts
    const shared = this.#shared
    this.#steps += 1
    const { contextTokens, outputTokensMax } = shared.model
    const bound =
      contextTokens === null ? outputTokensMax : Math.min(outputTokensMax, Math.ceil(contextTokens / 4))
    return {
      ...shared,
      model: shared.languageModel,
      instructions,
      messages,
      tools,
      inputTokens: this.#inputTokens(),
      outputTokensMax: bound,
      name:
        parentToolCallId === undefined ? `step-${this.#steps}` : `${parentToolCallId}.step-${this.#steps}`,
      parentToolCallId,
      report: (moves) => void this.#parts.keep([], moves),
    }
  }

  /**
   * Shortens the conversation before the provider refuses it, where its window is known. Where that would make no
   * room, the estimate may be at fault, since a document counts by its bytes: the provider decides.
   */
  #fit(contextTokens: number | null): void {
    if (contextTokens === null || this.#inputTokens() <= contextTokens * windowShare.full) return
    const { fixedTokens } = this.#parts
    const tokensMax = contextTokens * windowShare.full - fixedTokens
    this.#shorten(contextTokens * windowShare.target - fixedTokens, tokensMax)
  }

  /** Returns the tokens of the next request: the provider's last count, plus an estimate of what is new. */
  #inputTokens(): number {
    const { conversation, fixedTokens } = this.#parts
    if (this.#counted === null) return fixedTokens + estimateTokens(conversation.messages)
    return this.#counted.tokens + estimateTokens(conversation.messages.slice(this.#counted.messages))
  }

  /** Returns false, and changes nothing, if the conversation cannot get shorter, or not as short as `tokensMax`. */
  #shorten(target: number, tokensMax = Number.POSITIVE_INFINITY): boolean {
    const { messages, ...sizes } = compact(this.#parts.conversation.messages, Math.max(0, target))
    if (sizes.tokensAfter >= sizes.tokensBefore || sizes.tokensAfter > tokensMax) return false
    const note: AgentMove = { move: 'note', type: 'context:compacted', data: { ...sizes } }
    this.#counted = null
    void this.#take([{ type: 'compacted', messages }], [note])
    return true
  }

  /** Stores the answer with its events. Returns the calls that are to run. */
  async #keepStep({ message, calls, tokens }: Step): Promise<StepCall[]> {
    const { shared, conversation } = this.#parts
    const { renamed, ids } = shared.uniqueIds(message)
    const own = calls.map((call, at) => ({ ...call, id: ids[at] ?? call.id, name: boundedName(call.name) }))
    const entries: Entry[] = hasContent(renamed) ? [{ type: 'message', message: renamed }] : []
    const messages = conversation.messages.length + entries.length
    this.#counted = tokens === null ? null : { tokens, messages }
    const moves: AgentMove[] = [this.#usage()]
    const open: StepCall[] = []
    for (const call of own) {
      const planned = this.#plan(call)
      if (planned === null) {
        moves.push(this.#startOf(call))
        open.push(call)
        continue
      }
      moves.push(...planned.moves)
      entries.push({ type: 'result', result: resultOf(call, planned.text, !planned.ok) })
    }
    await this.#take(entries, moves)
    return open
  }

  #usage(): AgentMove {
    const { tokens, costUsd } = this.#parts.shared.meter
    return { move: 'usage', tokens, costUsd }
  }

  #startOf({ id, name, input }: StepCall): AgentMove {
    const { parentToolCallId } = this.#parts
    const start = { move: 'tool-start' as const, toolCallId: id, toolName: name, params: input }
    return parentToolCallId === undefined ? start : { ...start, parentToolCallId }
  }

  /** Returns null if the call is not about the plan. */
  #plan({ name, input, problem }: StepCall): PlanAnswer | null {
    const { board } = this.#parts
    if (board === null || problem !== null) return null
    if (name === planTool.name) return board.plan(planTool.input.parse(input))
    return name === phaseTool.name ? board.phase(phaseTool.input.parse(input)) : null
  }

  async #answerAll(calls: readonly StepCall[]): Promise<void> {
    const waiting = [...calls]
    const work = async (): Promise<void> => {
      try {
        for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) await this.#answer(call)
      } catch (error) {
        // Also ends the other calls.
        if (!this.#shared.signal.aborted) this.#parts.shared.fail(error)
        throw error
      }
    }
    const workers = Array.from({ length: Math.min(callsAtOnceMax, calls.length) }, work)
    // All calls end before the first failure is thrown, so that no process is left.
    const ended = await Promise.allSettled(workers)
    for (const one of ended) if (one.status === 'rejected') throw one.reason
    this.#shared.signal.throwIfAborted()
  }

  async #answer(call: StepCall): Promise<void> {
    const { parentToolCallId, runTask } = this.#parts
    const shared = this.#shared
    shared.ended.throwIfAborted()
    const parts: CallParts = {
      shared,
      parentToolCallId,
      output: (text) => void this.#parts.keep([], [{ move: 'tool-output', toolCallId: call.id, text }]),
    }
    const answered = await this.#unlessCut(() => answerCall(call, parts, runTask))
    if (shared.ended.aborted) return
    const { status, text, result = text } = answered
    await this.#take(
      [{ type: 'result', result: resultOf(call, text, status !== 'ok') }],
      [{ move: 'tool-complete', toolCallId: call.id, status, result }],
    )
  }

  /** A call that the end of the turn cuts is answered as such, whatever it did. */
  async #unlessCut(answer: () => Promise<Answered>): Promise<Answered | CutCall> {
    if (this.#isCut) return notBegun
    try {
      const answered = await answer()
      return this.#isCut && answered.status !== 'ok' ? cutCall : answered
    } catch (error) {
      if (this.#isCut) return error instanceof CallNotBegun ? notBegun : cutCall
      throw error
    }
  }

  async #say(text: string): Promise<void> {
    await this.#take([{ type: 'message', message: { role: 'user', content: text } }], [])
  }

  #take(entries: readonly Entry[], moves: readonly AgentMove[]): Promise<void> {
    for (const entry of entries) this.#parts.conversation.take(entry)
    return this.#parts.keep(entries, moves)
  }
}

/** How calls are answered that an interrupt ended. */
interface CutCall {
  status: 'cancelled'
  text: string
  result?: undefined
}
const cutCall: CutCall = {
  status: 'cancelled',
  text: 'This call was interrupted by the user. It may have done all, some or none of its work.',
}
const notBegun: CutCall = { status: 'cancelled', text: 'This call was not begun: the user interrupted.' }

/** Providers refuse a message without content. */
function hasContent({ content }: ModelMessage): boolean {
  return content.length > 0
}
