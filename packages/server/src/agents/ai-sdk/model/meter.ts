/**
 * What an execution has used, against what it may use. Every step of it, and of its subtasks, takes place
 * under a reservation of its worst case, so that steps at the same time cannot exceed a limit together.
 *
 * Owns: the totals and the open reservations.
 * Invariants: a step that could exceed a limit does not begin; a cost without a known price is null, not 0.
 */
import type { ExecutionErrorCode } from '@millrace/protocol'
import type { ExecutionLimits } from '#agents/agent'
import type { Price } from './entry.ts'

/** The execution is over and did not complete: `code` says why, the message is for a person. */
export class ExecutionFailure extends Error {
  override readonly name = 'ExecutionFailure'
  readonly code: ExecutionErrorCode

  constructor(code: ExecutionErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Tokens of a step. The parts are disjoint: their sum is everything. */
export interface Tokens {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheCreationTokens: number
}

export interface Reservation {
  /** How many tokens the answer may have. */
  readonly outputTokensMax: number
  /** The step is over. Undefined: the provider did not say, so the estimate counts. */
  settle(used: Tokens | undefined): void
  /** The step failed before an answer began: nothing was used. */
  release(): void
}

/** An answer that would be cut below this is not worth asking for. */
const outputTokensMin = 256

export class Meter {
  readonly #limits: ExecutionLimits
  readonly #price: Price | null
  readonly #used: Tokens = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 }
  readonly #open = new Set<{ tokens: number; usd: number }>()
  #steps = 0

  constructor(limits: ExecutionLimits, price: Price | null) {
    this.#limits = limits
    this.#price = price
  }

  get tokens(): Record<string, number> {
    return { ...this.#used }
  }

  get costUsd(): number | null {
    return this.#price === null ? null : costOf(this.#used, this.#price)
  }

  /** @throws ExecutionFailure if a step with so much input could exceed a limit. */
  reserve(inputTokens: number, outputTokensMax: number): Reservation {
    const { iterations } = this.#limits
    if (this.#steps >= iterations) {
      throw new ExecutionFailure(
        'max_iterations',
        `The execution reached its limit of ${plural(iterations, 'step')}.`,
      )
    }
    const output = Math.min(outputTokensMax, this.#tokensLeft(inputTokens), this.#affordable(inputTokens))
    const estimate: Tokens = { ...nothing, inputTokens, outputTokens: output }
    const usd =
      this.#price === null
        ? 0
        : costOf({ ...estimate, ...dearestInput(inputTokens, this.#price) }, this.#price)
    const entry = { tokens: inputTokens + output, usd }
    this.#steps += 1
    this.#open.add(entry)
    const close = (used: Tokens) => {
      if (!this.#open.delete(entry)) return
      for (const key of keys) this.#used[key] += used[key]
    }
    return {
      outputTokensMax: output,
      settle: (used) => close(used ?? estimate),
      release: () => close(nothing),
    }
  }

  #tokensLeft(inputTokens: number): number {
    const { tokens: limit } = this.#limits
    if (limit === null) return Number.POSITIVE_INFINITY
    const reserved = [...this.#open].reduce((sum, { tokens }) => sum + tokens, 0)
    const used = keys.reduce((sum, key) => sum + this.#used[key], 0)
    const left = Math.floor(limit - used - reserved - inputTokens)
    if (left >= Math.min(outputTokensMin, limit)) return left
    throw new ExecutionFailure(
      'max_tokens',
      `The next step could exceed the limit of ${plural(limit, 'token')}: ${used} are used, and its input alone has about ${inputTokens}.`,
    )
  }

  #affordable(inputTokens: number): number {
    const { usd: limit } = this.#limits
    const price = this.#price
    if (limit === null || price === null) return Number.POSITIVE_INFINITY
    const reserved = [...this.#open].reduce((sum, { usd }) => sum + usd, 0)
    const spent = costOf(this.#used, price)
    const input = costOf({ ...nothing, ...dearestInput(inputTokens, price) }, price)
    const left = limit - spent - reserved - input
    const affordable = price.output === 0 ? Number.POSITIVE_INFINITY : Math.floor((left * 1e6) / price.output)
    if (left >= 0 && affordable >= outputTokensMin) return affordable
    throw new ExecutionFailure(
      'budget',
      `The next step could exceed the limit of ${dollars(limit)}: ${dollars(spent)} are spent, and its input alone could cost ${dollars(input)}.`,
    )
  }
}

const nothing: Tokens = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 }
const keys = Object.keys(nothing) as (keyof Tokens)[]

/** A provider may read the input anew or write it to its cache, whichever costs more. */
function dearestInput(tokens: number, price: Price): Partial<Tokens> {
  return (price.cacheWrite ?? price.input) > price.input
    ? { inputTokens: 0, cacheCreationTokens: tokens }
    : { inputTokens: tokens }
}

function costOf(tokens: Tokens, { input, output, cacheRead = input, cacheWrite = input }: Price): number {
  const millionths =
    tokens.inputTokens * input +
    tokens.outputTokens * output +
    tokens.cacheReadTokens * cacheRead +
    tokens.cacheCreationTokens * cacheWrite
  return millionths / 1e6
}

/** No tokenizer of any provider is at hand: this is more than most texts have. */
export function estimateTokens(value: unknown): number {
  return Math.ceil(Buffer.byteLength(JSON.stringify(value) ?? '') / bytesPerToken)
}

const bytesPerToken = 3

function dollars(amount: number): string {
  return `$${amount.toFixed(4)}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
