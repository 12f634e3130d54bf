/**
 * One step: one answer of the model, reported as it arrives. The SDK reads the stream, checks inputs, and
 * repeats requests that failed before an answer began. It runs no tool.
 *
 * Invariant: what the provider may charge is counted, however the step ends.
 */
import { APICallError, type ModelMessage, RetryError, streamText, type ToolSet, wrapLanguageModel } from 'ai'
import type { AgentMove } from '#agents/moves'
import { ExecutionFailure, type Meter } from '#agents/spending/meter'
import { type Tokens, totalOf } from '#agents/spending/price'
import { MiddleClip } from '#agents/tools/clip'
import type { Clock } from '#time/clock'
import { UselessAnswer } from '../model/events.ts'
import type { Model, ProviderOptions } from '../model/open.ts'
import { Silence, type SilenceLimits } from './silence.ts'

export interface StepParts {
  model: Model
  instructions: string
  messages: readonly ModelMessage[]
  tools: ToolSet
  /** The estimated tokens of the whole request. */
  inputTokens: number
  meter: Meter
  outputTokensMax: number
  providerOptions: ProviderOptions
  /** Marks the last message of the request. */
  cacheMark: { providerOptions?: ProviderOptions }
  maxRetries: number
  silence: SilenceLimits
  clock: Clock
  /** Makes the ids of messages unique in the execution. */
  name: string
  parentToolCallId: string | undefined
  signal: AbortSignal
  report(moves: readonly AgentMove[]): void
  /** Waits while too much is on its way to the disk. */
  room(): Promise<void>
}

/** A call of a tool as the model made it. */
export interface StepCall {
  id: string
  name: string
  input: unknown
  /** Why the call cannot run: an unknown tool, or an input that does not fit. */
  problem: string | null
}

export interface Step {
  /** What the model answered. */
  message: ModelMessage
  text: string
  calls: readonly StepCall[]
  /** Of request and answer, as the provider counted them; null if it did not say. */
  tokens: number | null
  /** The answer reached its maximum length. */
  wasCut: boolean
  wasRefused: boolean
}

/** An answer broke off: what was reported of it is not part of the conversation. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer'
}

/** The request failed before an answer began; `cause` is the error of the provider, or of the way to it. */
export class FailedRequest extends Error {
  override readonly name = 'FailedRequest'
}

/** @throws ExecutionFailure; BrokenAnswer; FailedRequest; another error is a fault of this program. */
export async function takeStep(parts: StepParts): Promise<Step> {
  const { instructions, messages, tools, meter } = parts
  const reservation = meter.reserve(parts)
  const reader = new StepReader(parts)
  const silence = new Silence(parts.silence, parts.clock)
  const left = new AbortController()
  const abortSignal = AbortSignal.any([parts.signal, silence.signal, left.signal])
  const request = new WatchedRequest(abortSignal, () => parts.report([{ move: 'step' }]))
  try {
    const result = streamText({
      model: request.through(parts.model),
      instructions,
      messages: marked(messages, parts.cacheMark),
      tools,
      maxOutputTokens: reservation.outputTokensMax,
      maxRetries: parts.maxRetries,
      providerOptions: parts.providerOptions,
      abortSignal,
      onError: () => {},
    })
    for await (const part of result.stream) {
      if (reader.take(part)) silence.heard()
      refuseMoreThan(reservation.outputTokensMax, reader)
      await parts.room()
    }
    if (reader.error !== null) throw reader.error
    if (silence.error !== null) throw silence.error
    parts.signal.throwIfAborted()
    const [{ finishReason, response }] = (await result.steps) as [FirstStep]
    if (unfinished.includes(finishReason)) {
      // What the provider counted is of a part of the answer: the estimate is settled.
      reader.tokens = undefined
      throw new Error('the answer ended before it was complete')
    }
    reservation.settle(reader.tokens)
    return {
      message: answerIn(response.messages),
      text: reader.text,
      calls: reader.calls,
      tokens: reader.tokens === undefined ? null : totalOf(reader.tokens),
      wasCut: finishReason === 'length',
      wasRefused: finishReason === 'content-filter',
    }
  } catch (error) {
    if (request.mayCost) reservation.settle(reader.tokens)
    else reservation.release()
    left.abort()
    const failure = failureIn(error)
    if (failure !== null) throw failure
    if (request.isAnswered) throw new BrokenAnswer('the answer broke off', { cause: error })
    throw request.hasFailed ? new FailedRequest('the request failed', { cause: error }) : error
  } finally {
    silence.stop()
  }
}

/** Packages wrap what the way to the model throws. */
function failureIn(error: unknown): ExecutionFailure | null {
  let inner = error
  for (let depth = 0; depth < 5 && inner instanceof Error; depth++) {
    if (inner instanceof ExecutionFailure) return inner
    inner = RetryError.isInstance(inner) ? inner.lastError : inner.cause
  }
  return null
}

/** A token is seldom longer than this. Short answers get room for an estimate that is far off. */
const bytesPerTokenMax = 32
const answerBytesMin = 64 * 1024

/** Far more calls than a model makes at once. */
const callsMax = 128

/** @throws where a model server ignores how long an answer may be: its answer might never end. */
function refuseMoreThan(outputTokensMax: number, { bytes, callCount }: StepReader): void {
  if (callCount > callsMax) {
    const none = 'None of them was run.'
    throw new ExecutionFailure(
      'provider_error',
      `The model's answer has more than ${callsMax} calls. ${none}`,
    )
  }
  if (bytes <= Math.max(outputTokensMax * bytesPerTokenMax, answerBytesMin)) return
  const asked = `${outputTokensMax} tokens that it was asked for at most`
  throw new ExecutionFailure('max_tokens', `The model's answer is far longer than the ${asked}.`)
}

/** The request of a step, which the SDK may send several times. */
class WatchedRequest {
  /** An answer began. */
  isAnswered = false
  /** The provider may have worked: it answered, or it was left while it had the request. */
  mayCost = false
  /** Sending it failed at least once. */
  hasFailed = false
  readonly #signal: AbortSignal
  readonly #answered: () => void

  constructor(signal: AbortSignal, answered: () => void) {
    this.#signal = signal
    this.#answered = answered
  }

  through(model: Model): Model {
    return wrapLanguageModel({
      model,
      middleware: { wrapStream: ({ doStream }) => this.#send(doStream) },
    })
  }

  async #send<Answer>(send: () => PromiseLike<Answer>): Promise<Answer> {
    this.mayCost = true
    try {
      const answer = await send()
      this.isAnswered = true
      this.#answered()
      return answer
    } catch (error) {
      this.hasFailed = true
      this.mayCost = this.#signal.aborted || failureIn(error) instanceof UselessAnswer
      if (!brokeOff(error)) throw error
      this.mayCost = true
      this.isAnswered = true
      this.#answered()
      // The SDK does not repeat it: each repetition needs a reservation of its own.
      throw new BrokenAnswer('the answer broke off', { cause: error })
    }
  }
}

/** Some packages wait for the first event of an answer before they pass it on. */
function brokeOff(error: unknown): boolean {
  return APICallError.isInstance(error) && error.statusCode === 200 && error.isRetryable
}

/** How the SDK names the end of an answer whose provider never said that it was complete, or said that it failed. */
const unfinished: readonly string[] = ['interrupted', 'error']

type FirstStep = Awaited<ReturnType<typeof streamText>['steps']>[number]
type Part = ReturnType<typeof streamText>['stream'] extends AsyncIterable<infer Each> ? Each : never

class StepReader {
  readonly calls: StepCall[] = []
  text = ''
  /** As the provider counted them; undefined if it did not say, or has not yet. */
  tokens: Tokens | undefined
  /** Of everything that the model wrote: words, thoughts, inputs of calls. */
  bytes = 0
  /** Null: none. */
  error: unknown = null
  readonly #parts: StepParts
  readonly #thoughts = new Map<string, string>()
  /** Calls whose inputs have begun. */
  #begunCount = 0

  constructor(parts: StepParts) {
    this.#parts = parts
  }

  get callCount(): number {
    return Math.max(this.#begunCount, this.calls.length)
  }

  /** Returns whether the model said something. */
  take(part: Part): boolean {
    switch (part.type) {
      case 'tool-input-start':
        this.#begunCount += 1
        return true
      case 'tool-input-delta':
        this.bytes += Buffer.byteLength(part.delta)
        return true
      case 'reasoning-delta':
        this.bytes += Buffer.byteLength(part.text)
        this.#thoughts.set(part.id, (this.#thoughts.get(part.id) ?? '') + part.text)
        return true
      case 'reasoning-end':
        this.#closeThought(part.id)
        return true
      case 'text-delta':
        this.bytes += Buffer.byteLength(part.text)
        this.text += part.text
        if (part.text !== '')
          this.#report({ move: 'text', messageId: `${this.#parts.name}.${part.id}`, text: part.text })
        return true
      case 'tool-call':
        this.calls.push({
          id: part.toolCallId,
          name: part.toolName,
          input: part.input,
          problem: 'invalid' in part && part.invalid === true ? problemOf(part.error) : null,
        })
        return true
      case 'finish-step':
        this.tokens = tokensOf(part.usage)
        return true
      case 'error':
        this.error ??= part.error
        return false
      case 'start':
      case 'start-step':
      case 'abort':
        return false
      default:
        return true
    }
  }

  #closeThought(id: string): void {
    const thought = this.#thoughts.get(id) ?? ''
    this.#thoughts.delete(id)
    if (thought !== '') this.#report({ move: 'thought', thought })
  }

  #report(move: Extract<AgentMove, { move: 'text' | 'thought' }>): void {
    const { parentToolCallId } = this.#parts
    this.#parts.report([parentToolCallId === undefined ? move : { ...move, parentToolCallId }])
  }
}

/** It repeats the whole input, which the model knows. */
const problemCharsMax = 2000

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'The input does not fit the tool.'
  const clip = new MiddleClip(problemCharsMax)
  clip.push(error.message)
  return clip.text
}

/** The SDK adds results for calls that cannot run; ours say the same for every call that did not run. */
function answerIn(messages: readonly ModelMessage[]): ModelMessage {
  return messages.find(({ role }) => role === 'assistant') ?? { role: 'assistant', content: [] }
}

function marked(messages: readonly ModelMessage[], mark: StepParts['cacheMark']): ModelMessage[] {
  const last = messages.at(-1)
  if (last === undefined) return []
  return [...messages.slice(0, -1), { ...last, ...mark }]
}

type Usage = FirstStep['usage']

function tokensOf({ inputTokens, inputTokenDetails, outputTokens }: Usage): Tokens | undefined {
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  const { cacheReadTokens = 0, cacheWriteTokens = 0, noCacheTokens } = inputTokenDetails
  const tokens: Tokens = {
    inputTokens: noCacheTokens ?? Math.max(0, (inputTokens ?? 0) - cacheReadTokens - cacheWriteTokens),
    outputTokens: outputTokens ?? 0,
    cacheReadTokens,
    cacheCreationTokens: cacheWriteTokens,
  }
  // What cannot be a count is none: below zero it would give a limit back what it has used.
  return Object.values(tokens).every((count) => Number.isSafeInteger(count) && count >= 0)
    ? tokens
    : undefined
}
