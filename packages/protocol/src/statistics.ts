/** What became of the runs of some hours (`GET /api/statistics`). */

/** The query of `GET /api/statistics`. */
export interface StatisticsQuery {
  /** How far back: 1 to 8,760. Default: 24. */
  hours?: number | undefined
}

/** Runs that were started within one interval. */
export interface StatisticsBucket {
  /** Its begin, in milliseconds since the epoch. */
  at: number
  runs: number
  succeeded: number
  failed: number
  aborted: number
  interrupted: number
  /** How long they waited in the queue, of those that began; null where none did. Milliseconds. */
  waitMs: { median: number; max: number } | null
  /** What they cost in US dollars, as far as that is known. */
  costUsd: number
}

export interface StatisticsResponse {
  /** The time that the buckets cover. Milliseconds since the epoch. */
  from: number
  to: number
  bucketMs: number
  /** False: there were too many runs, and the oldest are missing. */
  complete: boolean
  /** The oldest first, without a gap. */
  buckets: StatisticsBucket[]
}
