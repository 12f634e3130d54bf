import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AskedMessage } from '#agents/gateway/body'
import { type Admission, Budget } from '#agents/gateway/budget'
import { BodyProblem } from '#agents/gateway/json-object'
import { configuredPrices } from '#agents/gateway/prices'
import { ExecutionFailure } from '#agents/spending/meter'

const prices = configuredPrices([
  { provider: 'anthropic', model: 'big', price: { input: 5, output: 25 } },
  { provider: 'anthropic', model: 'small', price: { input: 1, output: 5 } },
  { provider: 'openai', price: { input: 1000, output: 1000 } },
])
if (prices === null) throw new Error('there are prices')

const plain: AskedMessage = {
  model: 'big',
  fallbacks: [],
  maxTokens: 1000,
  thinkingTokens: 0,
  serverToolUses: 0,
  searches: 0,
  hasMedia: false,
  mediaCount: 0,
  cachesForAnHour: false,
  bytes: 3000,
}
const noCount = () => Promise.resolve(null)
const never = new AbortController().signal

function usage(inputTokens: number, outputTokens: number, model = 'big') {
  const tokens = { inputTokens, outputTokens, cacheReadTokens: 0, cacheCreationTokens: 0 }
  return { kind: 'whole' as const, usage: { model, tokens, cacheHourTokens: 0, searches: 0 } }
}

/** Null: it waits. */
async function now(admitted: Promise<Admission>): Promise<Admission | null> {
  let result: Admission | null = null
  admitted.then(
    (admission) => {
      result = admission
    },
    () => {},
  )
  await new Promise((resolve) => setImmediate(resolve))
  return result
}

describe('the budget of a run', () => {
  it('is never exceeded, whatever is asked for at the same time, and nothing waits for ever', async () => {
    const request = fc.record({
      model: fc.constantFrom('big', 'small', 'unknown'),
      maxTokens: fc.nat(20_000),
      bytes: fc.nat(20_000),
      counts: fc.boolean(),
      hasMedia: fc.boolean(),
      cachesForAnHour: fc.boolean(),
      fallbacks: fc.subarray(['big', 'small', 'unknown', '']),
      answers: fc.nat(),
      searches: fc.nat(8),
      searched: fc.double({ min: 0, max: 1, noNaN: true }),
      written: fc.double({ min: 0, max: 1, noNaN: true }),
      output: fc.double({ min: 0, max: 1, noNaN: true }),
      end: fc.constantFrom('whole', 'broken', 'left', 'unreachable'),
    })
    const run = async (
      requests: (typeof request extends fc.Arbitrary<infer T> ? T : never)[],
      cents: number,
    ) => {
      const budget = new Budget(cents / 100, prices)
      const under: { admission: Admission; finish(): void }[] = []
      const all = requests.map(async ({ counts, written, output, end, answers, searched, ...each }) => {
        // No token is shorter than a byte; what is not counted is estimated at three.
        const inputTokens = counts || each.hasMedia ? each.bytes : Math.floor(each.bytes / 3)
        const asked = { ...plain, ...each, serverToolUses: each.searches }
        const models = [each.model, ...each.fallbacks]
        const searches = Math.floor(each.searches * searched)
        const admission = await budget.admit(asked, async () => (counts ? inputTokens : null), never)
        const creation = Math.floor(Math.min(inputTokens, each.bytes / (counts ? 1 : 3)) * written)
        const found = searches * 10_000
        const tokens = {
          inputTokens: Math.floor(each.bytes / (counts ? 1 : 3)) - creation + found,
          outputTokens: Math.floor(admission.maxTokens * output),
          cacheReadTokens: 0,
          cacheCreationTokens: creation,
        }
        const used = {
          model: models[answers % models.length] ?? null,
          tokens,
          cacheHourTokens: each.cachesForAnHour ? creation : 0,
          searches,
        }
        const finish = () => {
          if (end === 'left') admission.settle({ kind: 'left' })
          else if (end === 'unreachable') admission.settle({ kind: 'broken', usage: null, bytes: 0 })
          else if (end === 'broken') admission.settle({ kind: 'broken', usage: used, bytes: 5000 })
          else admission.settle({ kind: 'whole', usage: used })
        }
        under.push({ admission, finish })
      })
      const done = Promise.allSettled(all)
      for (let idle = 0; idle < 3; idle++) {
        await new Promise((resolve) => setImmediate(resolve))
        for (const { finish } of under.splice(0, 2)) {
          finish()
          idle = 0
        }
      }
      for (const { status, ...rest } of await done) {
        if (status === 'rejected')
          expect((rest as { reason?: unknown }).reason).toBeInstanceOf(ExecutionFailure)
      }
      expect(budget.spentUsd).toBeLessThanOrEqual(cents / 100 + 1e-9)
    }
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), run),
      { numRuns: 200 },
    )
  })

  it('a request is shortened to what is left, and refused where that is nothing', async () => {
    const budget = new Budget(0.05, prices)
    const asked = { ...plain, maxTokens: 100_000 }
    const first = await budget.admit(asked, noCount, never)
    // 1,000 tokens of input at $6.25, written to the cache, leave $0.04375 for output at $25.
    expect(first.maxTokens).toBe(1750)
    first.settle(usage(1000, 1750))
    await expect(budget.admit(asked, noCount, never)).rejects.toMatchObject({ code: 'budget' })
    expect(budget.isSpent).toBe(true)
    expect(budget.costUsd).toBeCloseTo(0.04875)
  })

  it('a request waits for those under way where it would be cut short, and then has its length', async () => {
    const budget = new Budget(1, prices)
    const asked = { ...plain, maxTokens: 32_000 }
    const first = await budget.admit(asked, noCount, never)
    const second = budget.admit(asked, noCount, never)
    expect(await now(second)).toBeNull()
    const third = budget.admit({ ...plain, maxTokens: 1 }, noCount, never)
    expect(await now(third), 'a later one does not overtake').toBeNull()
    first.settle(usage(100, 100))
    expect((await second).maxTokens).toBe(32_000)
    expect((await third).maxTokens).toBe(1)
    expect(budget.isSpent).toBe(false)
  })

  it('a request that leaves while it waits does not hold up the others', async () => {
    const budget = new Budget(1, prices)
    const asked = { ...plain, maxTokens: 32_000 }
    const first = await budget.admit(asked, noCount, never)
    const leaving = new AbortController()
    const second = budget.admit(asked, noCount, leaving.signal)
    expect(await now(second)).toBeNull()
    const third = budget.admit({ ...plain, maxTokens: 10 }, noCount, never)
    expect(await now(third)).toBeNull()
    leaving.abort()
    await expect(second).rejects.toThrow()
    expect((await third).maxTokens).toBe(10)
    first.settle({ kind: 'left' })
  })

  it('is asked for no count while the worst case fits, and counts what has images', async () => {
    const budget = new Budget(1, prices)
    let counts = 0
    const count = async () => ++counts
    ;(await budget.admit(plain, count, never)).settle(usage(1, 1))
    expect(counts).toBe(0)
    ;(await budget.admit({ ...plain, hasMedia: true }, count, never)).settle(usage(1, 1))
    expect(counts).toBe(1)
  })

  it('a model without a price counts as the dearest there is, and the cost is then unknown', async () => {
    const budget = new Budget(1, prices)
    const unknown = await budget.admit({ ...plain, model: 'unknown' }, noCount, never)
    unknown.settle(usage(0, 1000, 'unknown'))
    expect(budget.spentUsd).toBeCloseTo(0.025)
    expect(budget.costUsd).toBeNull()
  })

  it('another model that answers in the place of the first counts at its own price', async () => {
    const budget = new Budget(1, prices)
    const small = await budget.admit({ ...plain, model: 'small-20260101' }, noCount, never)
    small.settle(usage(0, 1000, 'big'))
    expect(budget.costUsd).toBeCloseTo(0.025)
  })

  it('a model without a price is refused where a limit in dollars was asked for', async () => {
    const budget = new Budget(1, prices, 'refused')
    for (const named of [{ model: 'unknown' }, { fallbacks: ['small', 'unknown'] }, { fallbacks: [''] }]) {
      const refused = budget.admit({ ...plain, ...named }, noCount, never)
      await expect(refused).rejects.toThrow(/has no price|names itself/)
      await expect(refused).rejects.toBeInstanceOf(BodyProblem)
    }
    expect(budget.isSpent).toBe(false)
    ;(await budget.admit({ ...plain, fallbacks: ['small'] }, noCount, never)).settle(usage(1, 1))
    expect(budget.costUsd).toBeCloseTo(0.00003)
  })

  it('a request is reserved at the dearest of the models that may answer it', async () => {
    const budget = new Budget(0.02, prices)
    const asked = { ...plain, bytes: 0, model: 'small', maxTokens: 2000 }
    expect((await budget.admit(asked, noCount, never)).maxTokens).toBe(2000)
    const other = new Budget(0.02, prices)
    expect((await other.admit({ ...asked, fallbacks: ['big'] }, noCount, never)).maxTokens).toBe(800)
  })

  it('the fees of searches are reserved, so that searches at the same time stay within the budget', async () => {
    // Ten searches: 100,000 tokens at $1.25 are $0.125, and $0.1 of fees.
    const searching = { ...plain, model: 'small', bytes: 0, maxTokens: 0, serverToolUses: 10, searches: 10 }
    const budget = new Budget(0.3, prices)
    const first = await budget.admit(searching, noCount, never)
    const second = budget.admit(searching, noCount, never)
    expect(await now(second), 'both could cost $0.45 together').toBeNull()
    const answer = usage(0, 0, 'small')
    first.settle({ ...answer, usage: { ...answer.usage, searches: 10 } })
    expect(budget.spentUsd).toBeCloseTo(0.1)
    await expect(second).rejects.toMatchObject({ code: 'budget' })
  })

  it('a request with searches that fits with its fees is admitted', async () => {
    const budget = new Budget(0.0226, prices)
    const asked = { ...plain, model: 'small', bytes: 0, maxTokens: 0, serverToolUses: 1, searches: 1 }
    const { maxTokens } = await budget.admit(asked, noCount, never)
    expect(maxTokens).toBe(0)
  })

  it('an answer with searches that breaks off counts the fees that it did not report', async () => {
    const budget = new Budget(1, prices)
    const asked = { ...plain, model: 'small', serverToolUses: 2, searches: 2 }
    const admission = await budget.admit(asked, noCount, never)
    admission.settle({ kind: 'broken', usage: usage(0, 0, 'small').usage, bytes: 3 })
    // 20,000 tokens that the searches may have found, one of output, and the fees.
    expect(budget.spentUsd).toBeCloseTo(0.02 + 0.000005 + 0.02)
  })

  // Failed before: what they found counted twice, which is more than was reserved.
  it('an answer that breaks off after it reported its searches counts what they found once', async () => {
    const budget = new Budget(1, prices)
    const asked = { ...plain, model: 'small', serverToolUses: 2, searches: 2 }
    const admission = await budget.admit(asked, noCount, never)
    const reported = { ...usage(20_000, 0, 'small').usage, searches: 2 }
    admission.settle({ kind: 'broken', usage: reported, bytes: 3 })
    expect(budget.spentUsd).toBeCloseTo(0.02 + 0.000005 + 0.02)
  })

  it('an answer that thinks longer than the rest pays for is not asked for', async () => {
    const budget = new Budget(0.05, prices)
    const asked = { ...plain, maxTokens: 10_000, thinkingTokens: 5000 }
    await expect(budget.admit(asked, noCount, never)).rejects.toMatchObject({ code: 'budget' })
    expect(budget.isSpent).toBe(true)
    expect((await budget.admit(plain, noCount, never)).maxTokens).toBe(1000)
  })
})
