import { describe, expect, it } from 'vitest'
import { totalsOf, waitText } from '#activity/totals.ts'

const empty = {
  at: 0,
  runs: 0,
  succeeded: 0,
  failed: 0,
  aborted: 0,
  interrupted: 0,
  waitMs: null,
  costUsd: 0,
}

describe('the totals of some time', () => {
  it('intervals add up, and the longest wait is that of any of them', () => {
    const buckets = [
      { ...empty, runs: 3, succeeded: 1, failed: 1, costUsd: 0.5, waitMs: { median: 1, max: 900 } },
      empty,
      { ...empty, runs: 2, aborted: 1, interrupted: 1, costUsd: 0.25, waitMs: { median: 5, max: 9 } },
    ]
    expect(totalsOf(buckets)).toEqual({ runs: 5, failed: 1, over: 4, costUsd: 0.75, longestWaitMs: 900 })
    expect(totalsOf([empty])).toEqual({ runs: 0, failed: 0, over: 0, costUsd: 0, longestWaitMs: null })
  })

  it('a wait is said in the unit that one reads it in', () => {
    expect([12.4, 999, 1500, 65_000].map(waitText)).toEqual(['12 ms', '999 ms', '1.5 s', '1 m 05 s'])
  })
})
