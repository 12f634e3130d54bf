/** Schemas of `GET /api/statistics`. */
import { z } from 'zod'
import type { StatisticsQuery, StatisticsResponse } from '#statistics'

export const statisticsQuery = z.strictObject({
  hours: z.coerce.number().int().min(1).max(8760).default(24),
}) satisfies z.ZodType<StatisticsQuery>

const count = z.int().min(0)

export const statisticsResponse = z.object({
  from: z.int(),
  to: z.int(),
  bucketMs: z.int(),
  complete: z.boolean(),
  buckets: z.array(
    z.object({
      at: z.int(),
      runs: count,
      succeeded: count,
      failed: count,
      aborted: count,
      interrupted: count,
      waitMs: z.object({ median: z.number(), max: z.number() }).nullable(),
      costUsd: z.number(),
    }),
  ),
}) satisfies z.ZodType<StatisticsResponse>
