/**
 * What a run has used, against what it may use. Every step of it, and of its subtasks, takes place under a
 * reservation of its worst case, so that steps at the same time cannot exceed a limit together.
 *
 * Owns: the totals and the open reservations.
 * Invariants: a step that could exceed a limit does not begin; a cost without a known price is null, not 0.
 */
import type { ExecutionErrorCode } from '@millrace/protocol'
import type { ExecutionLimits } from '#agents/agent'
import { costOf, dearestInput, noTokens, type Price, type Tokens, totalOf } from './price.ts'

/** The execution is over and did not complete: `code` says why, the message is for a person. */
export class ExecutionFailure extends Error {
  override readonly name = 'ExecutionFailure'
  readonly code: ExecutionErrorCode

  constructor(code: ExecutionErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface Reservation {
  /** How many tokens the answer may have. */
  readonly outputTokensMax: number
  /**
   * The step is over. Undefined: the provider did not say, so the estimate counts. `costUsd` is for a step that
   * costs more than its tokens.
   */
  settle(used: Tokens | undefined, costUsd?: number): void
  /** The step failed before an answer began: nothing was used, and it counts as none. */
  release(): void
}

/** What a step needs. */
export interface Step {
  inputTokens: number
  outputTokensMax: number
  /** What it may cost besides its tokens, in US dollars. Default: nothing. */
  feeUsd?: number
  /** Of the model that answers, where the run has several. Default: the price of the meter. */
  price?: Price
}

/** An answer that would be cut below this is not worth asking for. */
const outputTokensMin = 256

type Limits = Pick<ExecutionLimits, 'iterations' | 'tokens' | 'usd'>

export class Meter {
  readonly #limits: Limits
  readonly #price: Price | null
  readonly #used: Tokens = { ...noTokens }
  readonly #open = new Set<{ tokens: number; usd: number }>()
  #spentUsd = 0
  #steps = 0

  /** `price` is of every step that names no other. Null: unknown, so that only tokens and steps are limited. */
  constructor(limits: Limits, price: Price | null) {
    this.#limits = limits
    this.#price = price
  }

  get tokens(): Record<string, number> {
    return { ...this.#used }
  }

  get costUsd(): number | null {
    return this.#price === null ? null : this.#spentUsd
  }

  get isIdle(): boolean {
    return this.#open.size === 0
  }

  /** @throws ExecutionFailure if a step with so much input could exceed a limit. */
  reserve(step: Step): Reservation {
    const { inputTokens, feeUsd = 0, price = this.#price } = step
    this.#checkSteps()
    const output = this.#outputFor(step, this.#reserved())
    const estimate: Tokens = { ...noTokens, inputTokens, outputTokens: output }
    const usd = price === null ? 0 : worstInput(inputTokens, price) + feeUsd + (output * price.output) / 1e6
    const entry = { tokens: inputTokens + output, usd }
    this.#steps += 1
    this.#open.add(entry)
    const close = (used: Tokens, costUsd: number) => {
      if (!this.#open.delete(entry)) return
      for (const key of keys) this.#used[key] += used[key]
      this.#spentUsd += costUsd
    }
    return {
      outputTokensMax: output,
      settle: (used, costUsd) => {
        if (used === undefined) close(estimate, usd)
        else close(used, costUsd ?? (price === null ? 0 : costOf(used, price)))
      },
      release: () => {
        if (this.#open.has(entry)) this.#steps -= 1
        close(noTokens, 0)
      },
    }
  }

  /** Returns how long the answer of a step may be while the others are under way; 0 if it may not begin. */
  offer(step: Step): number {
    try {
      return this.#outputFor(step, this.#reserved())
    } catch {
      return 0
    }
  }

  /** @throws ExecutionFailure if a step with so much input could exceed a limit even with no other under way. */
  check(step: Step): void {
    this.#checkSteps()
    this.#outputFor(step, { tokens: 0, usd: 0 })
  }

  #checkSteps(): void {
    const { iterations } = this.#limits
    if (this.#steps < iterations) return
    throw new ExecutionFailure(
      'max_iterations',
      `The execution reached its limit of ${plural(iterations, 'iteration')}.`,
    )
  }

  #reserved(): { tokens: number; usd: number } {
    const sum = { tokens: 0, usd: 0 }
    for (const { tokens, usd } of this.#open) {
      sum.tokens += tokens
      sum.usd += usd
    }
    return sum
  }

  #outputFor(step: Step, reserved: { tokens: number; usd: number }): number {
    return Math.min(
      step.outputTokensMax,
      this.#tokensLeft(step, reserved.tokens),
      this.#affordable(step, reserved.usd),
    )
  }

  #tokensLeft({ inputTokens, outputTokensMax }: Step, reserved: number): number {
    const { tokens: limit } = this.#limits
    if (limit === null) return Number.POSITIVE_INFINITY
    const used = totalOf(this.#used)
    const left = Math.floor(limit - used - reserved - inputTokens)
    if (left >= Math.min(outputTokensMin, outputTokensMax)) return left
    throw new ExecutionFailure(
      'max_tokens',
      `The next step could exceed the limit of ${plural(limit, 'token')}: ${used} are used, and the input of the step alone has about ${inputTokens}.`,
    )
  }

  #affordable(
    { inputTokens, outputTokensMax, feeUsd = 0, price = this.#price ?? undefined }: Step,
    reserved: number,
  ): number {
    const { usd: limit } = this.#limits
    if (limit === null || price === undefined) return Number.POSITIVE_INFINITY
    const input = worstInput(inputTokens, price) + feeUsd
    const left = limit - this.#spentUsd - reserved - input
    const affordable = price.output === 0 ? Number.POSITIVE_INFINITY : Math.floor((left * 1e6) / price.output)
    if (left >= 0 && affordable >= Math.min(outputTokensMin, outputTokensMax)) return affordable
    throw new ExecutionFailure(
      'budget',
      `The next step could exceed the limit of ${dollars(limit)}: ${dollars(this.#spentUsd)} is spent, and the input of the step alone could cost ${dollars(input)}.`,
    )
  }
}

const keys = Object.keys(noTokens) as (keyof Tokens)[]

function worstInput(tokens: number, price: Price): number {
  return (tokens * dearestInput(price)) / 1e6
}

function dollars(amount: number): string {
  return `$${amount.toFixed(4)}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
