/** What the intervals of a time add up to. */
import type { StatisticsBucket } from '@millrace/protocol'
import { durationText } from '#ui/time-words.ts'

export interface Totals {
  runs: number
  failed: number
  /** Those that are over. */
  over: number
  costUsd: number
  longestWaitMs: number | null
}

export function totalsOf(buckets: readonly StatisticsBucket[]): Totals {
  const totals: Totals = { runs: 0, failed: 0, over: 0, costUsd: 0, longestWaitMs: null }
  for (const { runs, succeeded, failed, aborted, interrupted, waitMs, costUsd } of buckets) {
    totals.runs += runs
    totals.failed += failed
    totals.over += succeeded + failed + aborted + interrupted
    totals.costUsd += costUsd
    if (waitMs !== null) totals.longestWaitMs = Math.max(totals.longestWaitMs ?? 0, waitMs.max)
  }
  return totals
}

/** `12 ms`, `1.5 s`, `3 m 00 s`. */
export function waitText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : durationText(ms)
}
