/** What a caller may do to a run: end it, repeat it, resume its conversation, answer its questions. */
import {
  answerApprovalBody,
  approvalResponse,
  forkRunBody,
  resumeRunBody,
  runResponse,
} from '@millrace/protocol/schemas'
import { z } from 'zod'
import { type FaceApp, principalOf } from '#http/face'
import { type NativeFaceParts, runParams, sendCreated } from './run-route.ts'

const approvalParams = runParams.extend({ approvalId: z.string().max(255) })

export function abortRoutes(app: FaceApp, { runs }: Pick<NativeFaceParts, 'runs'>): void {
  app.post(
    '/api/runs/:id/abort',
    {
      schema: {
        tags: ['runs'],
        summary: 'End a run; idempotent',
        params: runParams,
        response: { 200: runResponse },
      },
    },
    async (request) => ({ run: await runs.abort(request.params.id, principalOf(request)) }),
  )

  app.post(
    '/api/runs/:id/retry',
    {
      config: { starts: true, refuses: ['run_open', 'project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['runs'],
        summary: 'Run the same spec again, as a new run',
        params: runParams,
        response: { 201: runResponse },
      },
    },
    async (request, reply) => {
      const run = await runs.retry(request.params.id, principalOf(request))
      return sendCreated(request, reply, run)
    },
  )
}

export function conversationRoutes(app: FaceApp, { runs }: Pick<NativeFaceParts, 'runs'>): void {
  app.post(
    '/api/runs/:id/resume',
    {
      config: { starts: true, refuses: ['not_resumable', 'run_open', 'project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['runs'],
        summary: 'Continue the conversation of a session that is over, as a new run',
        params: runParams,
        // Fastify has null for a body that was not sent.
        body: resumeRunBody.nullish(),
        response: { 201: runResponse },
      },
    },
    async (request, reply) => {
      const run = await runs.resume(request.params.id, principalOf(request), request.body ?? {})
      return sendCreated(request, reply, run)
    },
  )

  app.post(
    '/api/runs/:id/fork',
    {
      config: { starts: true, refuses: ['not_resumable', 'project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['runs'],
        summary: 'Start a session with the conversation that another one had at an event',
        params: runParams,
        body: forkRunBody,
        response: { 201: runResponse },
      },
    },
    async (request, reply) => {
      const run = await runs.fork(request.params.id, principalOf(request), request.body)
      return sendCreated(request, reply, run)
    },
  )

  app.post(
    '/api/runs/:id/approvals/:approvalId',
    {
      config: { refuses: ['already_answered', 'quota_exceeded'] },
      schema: {
        tags: ['runs'],
        summary: 'Answer what a session asked; the first answer counts',
        params: approvalParams,
        body: answerApprovalBody,
        response: { 200: approvalResponse },
      },
    },
    async (request) => {
      const { id, approvalId } = request.params
      return { approval: await runs.answerApproval(id, approvalId, request.body, principalOf(request)) }
    },
  )
}
