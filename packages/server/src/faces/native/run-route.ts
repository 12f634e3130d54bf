/** What the routes of runs share. */
import type { Run } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { PageSource } from '#delivery/page'
import type { StreamRun } from '#faces/streaming'
import { mountPath } from '#http/face'
import type { Runs } from '#runs/runs'

export interface NativeFaceParts {
  runs: Pick<
    Runs,
    | 'request'
    | 'start'
    | 'list'
    | 'get'
    | 'getWithBounds'
    | 'abort'
    | 'retry'
    | 'resume'
    | 'fork'
    | 'answerApproval'
    | 'openQuestions'
  >
  pages: PageSource
  streamRun: StreamRun
}

export const idempotencyHeaders = z
  .object({ 'idempotency-key': z.string().min(1).max(255).optional() })
  .loose()

export const runParams = z.object({ id: z.string().max(255) })

export function sendCreated(request: FastifyRequest, reply: FastifyReply, run: Run) {
  return reply
    .code(201)
    .header('Location', `${mountPath(request)}/api/runs/${run.id}`)
    .send({ run })
}
