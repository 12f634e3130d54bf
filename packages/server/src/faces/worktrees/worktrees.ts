/** The worktrees of sessions (docs/protocol.md#3-native-face): list, look, merge, keep, discard. */
import {
  mergeWorktreeBody,
  mergeWorktreeResponse,
  worktreeChangesResponse,
  worktreeResponse,
  worktreesResponse,
} from '@millrace/protocol/schemas'
import { z } from 'zod'
import { type Face, type FaceApp, principalOf } from '#http/face'
import type { Worktrees } from '#worktrees/worktrees'

export interface WorktreesFaceParts {
  worktrees: Pick<Worktrees, 'list' | 'get' | 'changes' | 'keep' | 'merge' | 'discard'>
}

const params = z.object({ id: z.string().max(255) })
const query = z.object({ project: z.string().max(255).optional() })
const tags = ['worktrees']

export function worktreesFace({ worktrees }: WorktreesFaceParts): Face {
  return {
    routes(app) {
      readingRoutes(app, worktrees)
      endingRoutes(app, worktrees)
    },
  }
}

function readingRoutes(app: FaceApp, worktrees: WorktreesFaceParts['worktrees']): void {
  app.get(
    '/api/worktrees',
    {
      schema: {
        tags,
        summary: 'Worktrees of the caller’s sessions, and how they stand to their projects',
        querystring: query,
        response: { 200: worktreesResponse },
      },
    },
    async (request) => ({ worktrees: await worktrees.list(principalOf(request), request.query.project) }),
  )

  app.get(
    '/api/worktrees/:id',
    { schema: { tags, summary: 'One worktree', params, response: { 200: worktreeResponse } } },
    async (request) => ({ worktree: await worktrees.get(request.params.id, principalOf(request)) }),
  )

  app.get(
    '/api/worktrees/:id/changes',
    {
      schema: {
        tags,
        summary: 'What a worktree has that its base has not, committed or not',
        params,
        response: { 200: worktreeChangesResponse },
      },
    },
    async (request) => worktrees.changes(request.params.id, principalOf(request)),
  )
}

function endingRoutes(app: FaceApp, worktrees: WorktreesFaceParts['worktrees']): void {
  app.post(
    '/api/worktrees/:id/merge',
    {
      config: { refuses: ['not_mergeable', 'run_open', 'project_busy'] },
      schema: {
        tags,
        summary: 'Merge its branch into that of the project, or leave the project as it was',
        params,
        // Fastify has null for a body that was not sent.
        body: mergeWorktreeBody.nullish(),
        response: { 200: mergeWorktreeResponse },
      },
    },
    async (request) => worktrees.merge(request.params.id, principalOf(request), request.body ?? {}),
  )

  app.post(
    '/api/worktrees/:id/keep',
    {
      schema: { tags, summary: 'Keep it from retention', params, response: { 200: worktreeResponse } },
    },
    async (request) => ({ worktree: await worktrees.keep(request.params.id, principalOf(request)) }),
  )

  app.delete(
    '/api/worktrees/:id',
    {
      config: { refuses: ['run_open'] },
      schema: {
        tags,
        summary: 'Discard it with its work, and the branch that was made for it',
        params,
        response: { 200: worktreeResponse },
      },
    },
    async (request) => ({ worktree: await worktrees.discard(request.params.id, principalOf(request)) }),
  )
}
