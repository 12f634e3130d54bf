import type { Run } from '@millrace/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Buckets, intervalsOf } from '#faces/statistics/buckets'

const hourMs = 3_600_000
const now = Date.UTC(2026, 0, 10, 12, 30)
const run = (createdAt: number, more: Partial<Run> = {}) => ({
  createdAt,
  startedAt: null,
  outcome: null,
  usage: null,
  ...more,
})

describe('the statistics of runs', () => {
  it('the intervals of any number of hours cover all of them, are 2 to 62, and begin at multiples of their length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8760 }), (hours) => {
        const { from, to, bucketMs } = intervalsOf(hours, now)
        expect(from).toBeLessThanOrEqual(now - hours * hourMs)
        expect(from % bucketMs).toBe(0)
        const buckets = new Buckets({ from, to, bucketMs }).toArray()
        expect(buckets.length).toBeGreaterThan(1)
        expect(buckets.length).toBeLessThanOrEqual(62)
        expect((buckets.at(-1)?.at ?? 0) + bucketMs).toBeGreaterThan(now)
      }),
    )
  })

  it('a run counts where it was started, with its outcome, its wait and its cost', () => {
    const intervals = intervalsOf(24, now)
    const buckets = new Buckets(intervals)
    const at = now - hourMs
    buckets.add(run(at, { startedAt: at + 100, outcome: 'success', usage: { costUsd: 0.5 } }))
    buckets.add(run(at, { startedAt: at + 300, outcome: 'failure', usage: { total_cost_usd: 0.25 } }))
    buckets.add(run(at, { startedAt: at + 200, outcome: 'aborted' }))
    buckets.add(run(at))
    buckets.add(run(now, { outcome: 'interrupted' }))
    buckets.add(run(intervals.from - 1, { outcome: 'failure' }))
    const found = buckets.toArray().filter(({ runs }) => runs > 0)
    expect(found).toMatchObject([
      {
        runs: 4,
        succeeded: 1,
        failed: 1,
        aborted: 1,
        interrupted: 0,
        waitMs: { median: 200, max: 300 },
        costUsd: 0.75,
      },
      { runs: 1, interrupted: 1, waitMs: null, costUsd: 0 },
    ])
  })
})
