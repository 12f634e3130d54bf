/** Counts runs by the interval in which they were started. Pure. */
import type { Run, StatisticsBucket, StatisticsResponse } from '@millrace/protocol'

const hourMs = 3_600_000
/** About as many bars as a small chart has room for. */
const bucketsMost = 60
/** Whole hours and days are read easily. */
const sizesMs = [5 / 60, 15 / 60, 1, 3, 6, 12, 24, 24 * 7].map((hours) => hours * hourMs)

/** The intervals of the last `hours` before `now`; they begin at multiples of their length. */
export function intervalsOf(
  hours: number,
  now: number,
): Pick<StatisticsResponse, 'from' | 'to' | 'bucketMs'> {
  const lengthMs = hours * hourMs
  const bucketMs = sizesMs.find((size) => lengthMs / size <= bucketsMost) ?? (sizesMs.at(-1) as number)
  return { from: Math.floor((now - lengthMs) / bucketMs) * bucketMs, to: now, bucketMs }
}

type Counted = Pick<Run, 'createdAt' | 'startedAt' | 'outcome' | 'usage'>

export class Buckets {
  readonly #bucketMs: number
  readonly #buckets: StatisticsBucket[]
  readonly #waits: number[][]

  constructor({ from, to, bucketMs }: Pick<StatisticsResponse, 'from' | 'to' | 'bucketMs'>) {
    this.#bucketMs = bucketMs
    const count = Math.floor((to - from) / bucketMs) + 1
    this.#buckets = Array.from({ length: count }, (_, index) => ({
      at: from + index * bucketMs,
      runs: 0,
      succeeded: 0,
      failed: 0,
      aborted: 0,
      interrupted: 0,
      waitMs: null,
      costUsd: 0,
    }))
    this.#waits = this.#buckets.map(() => [])
  }

  add({ createdAt, startedAt, outcome, usage }: Counted): void {
    const first = this.#buckets[0]?.at ?? 0
    const index = Math.floor((createdAt - first) / this.#bucketMs)
    const bucket = this.#buckets[index]
    if (bucket === undefined) return
    bucket.runs += 1
    if (outcome === 'success') bucket.succeeded += 1
    else if (outcome === 'failure') bucket.failed += 1
    else if (outcome !== null) bucket[outcome] += 1
    if (startedAt !== null) this.#waits[index]?.push(Math.max(startedAt - createdAt, 0))
    const cost = usage?.costUsd ?? usage?.total_cost_usd
    if (typeof cost === 'number' && Number.isFinite(cost)) bucket.costUsd += cost
  }

  toArray(): StatisticsBucket[] {
    return this.#buckets.map((bucket, index) => ({ ...bucket, waitMs: waitOf(this.#waits[index] ?? []) }))
  }
}

function waitOf(waits: readonly number[]): StatisticsBucket['waitMs'] {
  if (waits.length === 0) return null
  const sorted = waits.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] as number, max: sorted.at(-1) as number }
}
