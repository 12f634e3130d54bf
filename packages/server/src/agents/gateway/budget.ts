/**
 * The money of one run, seen from the door through which every request to its model goes: those of the agent's process,
 * those of its subagents, and those of any program that found the door.
 *
 * Owns: the meter of the run, and the requests that wait for others to end.
 * Invariants: what is forwarded at the same time fits the budget together, at its worst; a request waits only for those
 * under way, and in the order of arrival; one that can never fit is refused.
 */
import { ExecutionFailure, Meter, type Reservation, type Step } from '#agents/spending/meter'
import { costOf, imageTokens, type Price, tokensIn } from '#agents/spending/price'
import type { AnswerUsage } from './answer-usage.ts'
import type { AskedMessage } from './body.ts'
import { BodyProblem } from './json-object.ts'
import { dearer, type ModelPrices } from './prices.ts'

/** What is known of an answer when its connection has ended. */
export type AnswerEnd =
  | { kind: 'whole'; usage: AnswerUsage | null }
  /** The API broke off, or refused. Null: before an answer began. */
  | { kind: 'broken'; usage: AnswerUsage | null; bytes: number }
  /** The other side left before the answer was whole. */
  | { kind: 'left' }

export interface Admission {
  /** For `max_tokens` of the request that is forwarded. */
  readonly maxTokens: number
  /** Idempotent. */
  settle(end: AnswerEnd): void
}

/** What a session may spend where nothing is said, in US dollars. */
export const defaultBudgetUsd = 5

/** Of the answer to a request that does not fit. The SDK gives up at once, and repeats nothing. */
export const budgetStatus = 403

/** An answer this long is worth asking for while others are under way; a shorter one waits for them. */
const enoughTokens = 8192
/** The input that each search or fetch of the API itself may add. */
const tokensOfAServerTool = 10_000
/** The provider's price of a search, in US dollars, besides the tokens. */
const searchUsd = 0.01

interface Waiting {
  attempt(): boolean
}

export class Budget {
  readonly usd: number
  readonly #prices: ModelPrices
  readonly #meter: Meter
  readonly #unpriced: 'refused' | 'dearest'
  readonly #waiting: Waiting[] = []
  #isExact = true
  #isSpent = false

  /** `unpriced`: what becomes of requests for a model without a price. Default: they count as the dearest. */
  constructor(usd: number, prices: ModelPrices, unpriced: 'refused' | 'dearest' = 'dearest') {
    this.usd = usd
    this.#prices = prices
    this.#unpriced = unpriced
    this.#meter = new Meter({ iterations: Number.POSITIVE_INFINITY, tokens: null, usd }, prices.dearest)
  }

  /** True once a request was refused because the budget has no room for it. */
  get isSpent(): boolean {
    return this.#isSpent
  }

  get spentUsd(): number {
    return this.#meter.costUsd ?? 0
  }

  /** Null where an answer came from a model without a price of its own, which counted as the dearest. */
  get costUsd(): number | null {
    return this.#isExact ? this.spentUsd : null
  }

  priceOf(model: string): Price {
    return this.#prices.of(model).price
  }

  /**
   * Resolves when the request may be forwarded. `count` asks the API how many tokens it has.
   * @throws ExecutionFailure if it does not fit the budget.
   * @throws BodyProblem if it asks for a model that has no price, where such are refused.
   */
  async admit(
    asked: AskedMessage,
    count: () => Promise<number | null>,
    signal: AbortSignal,
  ): Promise<Admission> {
    if (this.#unpriced === 'refused') this.#refuseUnpriced(asked)
    const extra = asked.serverToolUses * tokensOfAServerTool
    const price = this.#stepPrice(asked)
    const step = (inputTokens: number): Step => ({
      inputTokens: inputTokens + extra,
      outputTokensMax: asked.maxTokens,
      feeUsd: asked.searches * searchUsd,
      price,
    })
    // No token is shorter than a byte. Where even that fits, nothing needs to be counted.
    const atMost = step(asked.bytes)
    if (!asked.hasMedia && this.#waiting.length === 0 && this.#offers(atMost, asked)) {
      return this.#reserve(atMost, asked)
    }
    const exact = await count()
    signal.throwIfAborted()
    // The address of an image is short, whatever its size.
    const estimate = tokensIn(asked.bytes) + asked.mediaCount * imageTokens
    return this.#inTurn(step(exact ?? estimate), asked, signal)
  }

  #refuseUnpriced({ model, fallbacks }: AskedMessage): void {
    const name = [model, ...fallbacks].find((each) => !this.#prices.of(each).isKnown)
    if (name === undefined) return
    throw new BodyProblem(
      name === ''
        ? 'fallbacks: a run with a limit in dollars names itself the models that may answer'
        : `model: ${name} has no price in "models" of the configuration, which a limit in dollars needs`,
    )
  }

  #stepPrice({ model, fallbacks, cachesForAnHour }: AskedMessage): Price {
    const price = [model, ...fallbacks].map((each) => this.#prices.of(each).price).reduce(dearer)
    return cachesForAnHour ? price : { ...price, cacheWriteHour: undefined }
  }

  #offers(step: Step, { maxTokens, thinkingTokens }: AskedMessage): boolean {
    const offered = this.#meter.offer(step)
    return offered >= Math.min(maxTokens, Math.max(enoughTokens, thinkingTokens + 1))
  }

  #inTurn(step: Step, asked: AskedMessage, signal: AbortSignal): Promise<Admission> {
    const { promise, resolve, reject } = Promise.withResolvers<Admission>()
    const waiting: Waiting = {
      attempt: () => {
        if (signal.aborted) {
          reject(signal.reason)
          return true
        }
        try {
          this.#meter.check(step)
          if (!this.#offers(step, asked) && !this.#meter.isIdle) return false
          resolve(this.#reserve(step, asked))
        } catch (error) {
          if (error instanceof ExecutionFailure) this.#isSpent = true
          reject(error)
        }
        return true
      },
    }
    this.#waiting.push(waiting)
    signal.addEventListener('abort', () => this.#next(), { once: true })
    this.#next()
    return promise
  }

  /** Admits those that waited, up to the first that must go on waiting. */
  #next(): void {
    while (this.#waiting[0]?.attempt() === true) this.#waiting.shift()
  }

  #reserve(step: Step, asked: AskedMessage): Admission {
    const reservation = this.#meter.reserve(step)
    if (reservation.outputTokensMax <= asked.thinkingTokens && asked.thinkingTokens < asked.maxTokens) {
      reservation.release()
      throw new ExecutionFailure(
        'budget',
        'The rest of the budget does not pay for the thinking that the request allows.',
      )
    }
    let isSettled = false
    return {
      maxTokens: reservation.outputTokensMax,
      settle: (end) => {
        if (isSettled) return
        isSettled = true
        this.#settle(reservation, asked, end)
        this.#next()
      },
    }
  }

  #settle(reservation: Reservation, asked: AskedMessage, end: AnswerEnd): void {
    if (end.kind === 'broken' && end.usage === null && end.bytes === 0) {
      reservation.release()
      return
    }
    const usage = end.kind === 'left' ? null : end.usage
    const models = [asked.model, ...(usage?.model == null ? [] : [usage.model])]
    if (!models.every((each) => this.#prices.of(each).isKnown)) this.#isExact = false
    if (usage === null) {
      reservation.settle(undefined)
      return
    }
    const tokens = { ...usage.tokens }
    let { searches } = usage
    if (end.kind === 'broken') {
      const written = Math.min(tokensIn(end.bytes), reservation.outputTokensMax)
      tokens.outputTokens = Math.max(tokens.outputTokens, written)
      // An answer reports most of its searches, and what they found, only at its end.
      tokens.inputTokens += Math.max(0, asked.serverToolUses - searches) * tokensOfAServerTool
      searches = Math.max(searches, asked.searches)
    }
    const costs = models.map((each) => costOf(tokens, this.#prices.of(each).price, usage.cacheHourTokens))
    reservation.settle(tokens, Math.max(...costs) + searches * searchUsd)
  }
}
