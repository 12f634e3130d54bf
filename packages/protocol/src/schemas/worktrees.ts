/** Bodies of the routes of worktrees. The interfaces in `worktrees.ts` say what the fields mean. */
import { z } from 'zod'
import type {
  MergeWorktreeBody,
  MergeWorktreeResponse,
  Worktree,
  WorktreeChangesResponse,
  WorktreeResponse,
  WorktreesResponse,
} from '#worktrees'
import { fileChangeSchema } from './records.ts'

const worktree = z.object({
  id: z.uuid(),
  project: z.string(),
  owner: z.string(),
  branch: z.string(),
  base: z.string(),
  path: z.string(),
  createdAt: z.int(),
  usedAt: z.int(),
  kept: z.boolean(),
  run: z.uuid().nullable(),
  state: z.object({ uncommitted: z.int(), ahead: z.int(), behind: z.int() }).nullable(),
}) satisfies z.ZodType<Worktree>

export const worktreeResponse = z.object({ worktree }) satisfies z.ZodType<WorktreeResponse>

export const worktreesResponse = z.object({
  worktrees: z.array(worktree),
}) satisfies z.ZodType<WorktreesResponse>

export const worktreeChangesResponse = z.object({
  files: z.array(fileChangeSchema),
  filesLeftOut: z.int(),
}) satisfies z.ZodType<WorktreeChangesResponse>

/** `POST /api/worktrees/:id/merge`; the body may be absent. */
export const mergeWorktreeBody = z.strictObject({
  message: z.string().min(1).max(10_000).optional(),
  keep: z.boolean().optional(),
}) satisfies z.ZodType<MergeWorktreeBody>

export const mergeWorktreeResponse = z.object({
  commit: z.string(),
  commits: z.int(),
  into: z.string(),
  removed: z.boolean(),
}) satisfies z.ZodType<MergeWorktreeResponse>
