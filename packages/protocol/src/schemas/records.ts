/** A run and an event as zod schemas. The interfaces in `runs.ts` and `events.ts` say what the fields mean. */
import { z } from 'zod'
import type { FileChange } from '#changes'
import { eventTypePattern, type LogEvent } from '#events'
import { type Run, runKinds, runOutcomes, runStates } from '#runs'

const jsonObject = z.record(z.string(), z.unknown())

export const logEventSchema = z.object({
  seq: z.int().positive(),
  at: z.int(),
  type: z.string().regex(eventTypePattern),
  data: z.json(),
}) satisfies z.ZodType<LogEvent>

export const runSchema = z.object({
  id: z.uuid(),
  kind: z.enum(runKinds),
  project: z.string().nullable(),
  owner: z.string(),
  state: z.enum(runStates),
  outcome: z.enum(runOutcomes).nullable(),
  spec: jsonObject,
  attempt: z.int().nonnegative(),
  createdAt: z.int(),
  startedAt: z.int().nullable(),
  finishedAt: z.int().nullable(),
  result: z.unknown().nullable(),
  error: z.object({ message: z.string() }).loose().nullable(),
  usage: jsonObject.nullable(),
  head: z.int().nonnegative(),
  retryOf: z.uuid().nullable(),
  resumes: z.uuid().nullable(),
  forkOf: z.uuid().nullable(),
}) satisfies z.ZodType<Run>

export const fileChangeSchema = z.object({
  path: z.string(),
  status: z.enum(['added', 'modified', 'deleted']),
  additions: z.int(),
  deletions: z.int(),
  diff: z.string(),
}) satisfies z.ZodType<FileChange>
