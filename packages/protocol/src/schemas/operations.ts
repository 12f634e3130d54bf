/** Schemas of what a server shows its admins. */
import { z } from 'zod'
import type { ChecksResponse, StorageResponse } from '#operations'

export const checksResponse = z.object({
  checks: z.array(
    z.object({
      name: z.string(),
      status: z.enum(['ok', 'info', 'warn', 'fail']),
      detail: z.string(),
    }),
  ),
}) satisfies z.ZodType<ChecksResponse>

export const storageResponse = z.object({
  storeBytes: z.int().nullable(),
  freeBytes: z.int(),
  retention: z.object({ days: z.number(), events: z.int().nullable() }),
  ownerBytesMax: z.int(),
  owners: z.array(z.object({ owner: z.string(), bytes: z.int() })),
}) satisfies z.ZodType<StorageResponse>
