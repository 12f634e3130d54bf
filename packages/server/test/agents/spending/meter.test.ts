import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExecutionFailure, Meter } from '#agents/spending/meter'
import { anthropicPrice, costOf, noTokens, type Price, ratesOf } from '#agents/spending/price'

const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 }
const noLimits = { iterations: 1000, tokens: null, usd: null }

const rate = fc.double({ min: 0, max: 100, noNaN: true })
const anyPrice: fc.Arbitrary<Price> = fc.record(
  { input: rate, output: rate, cacheRead: rate, cacheWrite: rate, cacheWriteHour: rate },
  { requiredKeys: ['input', 'output'] },
)
/** What an answer uses of its reservation: shares of the input in each rate, and of the output. */
const share = fc.double({ min: 0, max: 1, noNaN: true })

describe('a meter', () => {
  it('steps at the same time never exceed a limit together, whatever they use of their reservations', () => {
    const step = fc.record({
      input: fc.nat(5000),
      output: fc.nat(5000),
      price: anyPrice,
      written: share,
      hour: share,
      outputShare: share,
      settles: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 100 }), (steps, cents) => {
        const meter = new Meter({ ...noLimits, usd: cents / 100, tokens: 20_000 }, price)
        const open: (() => void)[] = []
        for (const { input, output, price: own, written, hour, outputShare, settles } of steps) {
          // A rate below that of the input would make the worst case of a step its other input.
          const costs = { ...own, cacheRead: Math.min(own.cacheRead ?? own.input, own.input) }
          try {
            const asked = { inputTokens: input, outputTokensMax: output, price: costs }
            const reservation = meter.reserve(asked)
            const cacheCreationTokens = Math.floor(input * written)
            const used = {
              inputTokens: input - cacheCreationTokens,
              outputTokens: Math.floor(reservation.outputTokensMax * outputShare),
              cacheReadTokens: 0,
              cacheCreationTokens,
            }
            const hourTokens = Math.floor(cacheCreationTokens * hour)
            open.push(() => reservation.settle(used, costOf(used, costs, hourTokens)))
          } catch (error) {
            if (!(error instanceof ExecutionFailure)) throw error
          }
          if (settles) open.shift()?.()
        }
        for (const settle of open) settle()
        expect(meter.isIdle).toBe(true)
        expect(meter.costUsd ?? 0).toBeLessThanOrEqual(cents / 100 + 1e-9)
        expect(Object.values(meter.tokens).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(20_000)
      }),
    )
  })

  it('a limit leaves room for a step if its greatest answer fits, short as that may be', () => {
    const step = { inputTokens: 1000, outputTokensMax: 100 }
    const tokens = new Meter({ ...noLimits, tokens: 1100 }, price)
    expect(tokens.reserve(step).outputTokensMax).toBe(100)
    const usd = new Meter({ ...noLimits, usd: (1000 * 3.75 + 100 * 15) / 1e6 }, price)
    expect(usd.reserve(step).outputTokensMax).toBe(100)
  })

  it('a step is offered what a reservation then gives, and 0 where none is given', () => {
    const step = fc.record({ inputTokens: fc.nat(5000), outputTokensMax: fc.nat(5000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const meter = new Meter({ ...noLimits, usd: 0.1 }, price)
        for (const each of steps) {
          const offer = meter.offer(each)
          try {
            expect(meter.reserve(each).outputTokensMax).toBe(offer)
          } catch (error) {
            if (!(error instanceof ExecutionFailure)) throw error
            expect(offer).toBe(0)
          }
        }
      }),
    )
  })

  it('an answer without usage counts by its estimate, and a request that failed not at all', () => {
    const meter = new Meter(noLimits, price)
    meter.reserve({ inputTokens: 300, outputTokensMax: 1000 }).release()
    expect(meter.costUsd).toBe(0)
    meter.reserve({ inputTokens: 300, outputTokensMax: 1000 }).settle(undefined)
    expect(meter.tokens).toMatchObject({ inputTokens: 300, outputTokens: 1000 })
    expect(meter.costUsd).toBeCloseTo((300 * 3.75 + 1000 * 15) / 1e6)
  })

  it('a request that failed before its answer is none of the steps that a limit counts', () => {
    const meter = new Meter({ ...noLimits, iterations: 1 }, price)
    const step = { inputTokens: 1, outputTokensMax: 1 }
    const refused = meter.reserve(step)
    expect(() => meter.reserve(step), 'it may yet be answered').toThrow('limit of 1 iteration')
    refused.release()
    refused.release()
    meter.reserve(step).settle(undefined)
    expect(() => meter.reserve(step)).toThrow('limit of 1 iteration')
  })

  it('without a price a cost is null, and only tokens and steps are limited', () => {
    const meter = new Meter({ ...noLimits, usd: 0.001 }, null)
    meter.reserve({ inputTokens: 1_000_000, outputTokensMax: 1_000_000 }).settle(undefined)
    expect(meter.costUsd).toBeNull()
  })
})

describe('a price', () => {
  it('of Anthropic has the rates of its cache where none are given', () => {
    const rates = ratesOf(anthropicPrice({ input: 10, output: 50 }))
    expect(rates).toEqual({ input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5, cacheWriteHour: 20 })
    expect(ratesOf(anthropicPrice({ ...rates, cacheRead: 3 })).cacheRead).toBe(3)
  })

  it('counts each sort of tokens at its own rate', () => {
    const all = { input: 1, output: 10, cacheRead: 100, cacheWrite: 1000, cacheWriteHour: 10_000 }
    const used = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheCreationTokens: 9 }
    expect(costOf(used, all, 5) * 1e6).toBeCloseTo(1 + 20 + 300 + 4000 + 50_000)
    expect(costOf({ ...noTokens, inputTokens: 1e6 }, { input: 3, output: 15 })).toBe(3)
  })
})
