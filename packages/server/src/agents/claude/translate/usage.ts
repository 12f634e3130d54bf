/**
 * Running totals of tokens and cost.
 *
 * Owns: the totals of the last result, which the SDK counts from the start of the process, and what was used since, by
 * answer. Between results the totals are those that can be seen: what subagents write is in the next result only.
 */
import { noTokens, type Tokens } from '#agents/spending/price'
import { amountOf, type Fields, fieldsOf } from './fields.ts'

export interface Usage {
  tokens: Tokens
  /** Null before the first result, or where the SDK knows no price; never 0. */
  costUsd: number | null
}

/** Far more than work at once. */
const answersMax = 100

export class UsageMeter {
  #settled: Tokens = noTokens
  #costUsd: number | null = null
  #since: Tokens = noTokens
  /** Answers that may still grow, by id; those of subagents that work in parallel come by turns. */
  readonly #answers = new Map<string, Tokens>()

  get totals(): Usage {
    const tokens = [...this.#answers.values()].reduce(sum, sum(this.#settled, this.#since))
    return { tokens, costUsd: this.#costUsd }
  }

  /** Takes what an answer of the model has used so far: its figures only grow. */
  take(id: string, usage: unknown): void {
    const known = this.#answers.get(id) ?? noTokens
    this.#answers.delete(id)
    this.#answers.set(id, larger(known, tokensOf(fieldsOf(usage))))
    for (const [oldest, tokens] of this.#answers) {
      if (this.#answers.size <= answersMax) return
      this.#answers.delete(oldest)
      this.#since = sum(this.#since, tokens)
    }
  }

  /** Takes a result, which counts everything since the start of the process. */
  settle({ modelUsage, total_cost_usd: cost }: Fields): void {
    const models = Object.values(fieldsOf(modelUsage)).map(fieldsOf)
    const counted = models.reduce<Tokens>((total, model) => sum(total, ofModel(model)), noTokens)
    // A failed start reports nothing.
    this.#settled = larger(this.totals.tokens, counted)
    this.#since = noTokens
    this.#answers.clear()
    const priced = models.length > 0 && models.every(({ costBasis }) => costBasis !== 'unknown')
    // A cost of 0 is none that is known: a scripted model reports it, and a provider that sends no usage.
    this.#costUsd = priced && typeof cost === 'number' && cost > 0 ? amountOf(cost) : null
  }
}

/** How the API counts. */
function tokensOf(usage: Fields): Tokens {
  return {
    inputTokens: amountOf(usage.input_tokens),
    outputTokens: amountOf(usage.output_tokens),
    cacheReadTokens: amountOf(usage.cache_read_input_tokens),
    cacheCreationTokens: amountOf(usage.cache_creation_input_tokens),
  }
}

/** How the SDK counts. */
function ofModel(usage: Fields): Tokens {
  return {
    inputTokens: amountOf(usage.inputTokens),
    outputTokens: amountOf(usage.outputTokens),
    cacheReadTokens: amountOf(usage.cacheReadInputTokens),
    cacheCreationTokens: amountOf(usage.cacheCreationInputTokens),
  }
}

function sum(one: Tokens, other: Tokens): Tokens {
  return each((kind) => one[kind] + other[kind])
}

function larger(one: Tokens, other: Tokens): Tokens {
  return each((kind) => Math.max(one[kind], other[kind]))
}

function each(of: (kind: keyof Tokens) => number): Tokens {
  return {
    inputTokens: of('inputTokens'),
    outputTokens: of('outputTokens'),
    cacheReadTokens: of('cacheReadTokens'),
    cacheCreationTokens: of('cacheCreationTokens'),
  }
}
