/**
 * The executions face (docs/protocol.md#9-executions-face): start an execution, follow it, cancel it. External runs,
 * which report in the same words, are followed and cancelled as well.
 */
import { isFinal, MillraceError, type Run } from '@millrace/protocol'
import { startExecutionBody } from '@millrace/protocol/schemas'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Principal } from '#auth/principal'
import { type StreamRun, streamedOf } from '#faces/streaming'
import { type Face, type FaceApp, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'

export interface ExecutionsFaceParts {
  runs: Pick<Runs, 'start' | 'get' | 'getWithBounds' | 'abort'>
  streamRun: StreamRun
}

const heartbeat = { intervalMs: 30_000, text: 'heartbeat' }
const executionParams = z.object({ executionId: z.string().max(255) })

/** As on the native face; this one calls the project `projectId`. */
const executeBody = startExecutionBody
  .omit({ kind: true, project: true })
  .extend({ projectId: startExecutionBody.shape.project })
const startedResponse = z.object({ executionId: z.uuid() })
const cancelledResponse = z.object({ executionId: z.uuid(), state: z.string() })

/** Refuses with RFC 9457, as the native face does: both speak of the same runs. */
export function executionsFace(parts: ExecutionsFaceParts): Face {
  return { routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, { runs, streamRun }: ExecutionsFaceParts): void {
  /** A run of another kind answers as a run that does not exist. */
  async function executionOf(request: FastifyRequest<{ Params: { executionId: string } }>): Promise<Run> {
    const { executionId } = request.params
    const run = await runs.get(executionId, principalOf(request))
    checkKind(run)
    return run
  }

  app.post(
    '/api/agent/execute',
    {
      config: { starts: true, refuses: ['project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['executions'],
        summary: 'Start an execution; answers at once',
        body: executeBody,
        response: { 201: startedResponse },
      },
    },
    async (request, reply) => {
      const { projectId, ...body } = request.body
      const project = projectId === undefined ? {} : { project: projectId }
      const run = await start(runs, { kind: 'execution', ...body, ...project }, principalOf(request))
      return reply.code(201).send({ executionId: run.id })
    },
  )

  app.post(
    '/api/agent/execute/:executionId/cancel',
    {
      config: { refuses: ['run_over'] },
      schema: {
        tags: ['executions'],
        summary: 'End an execution as cancelled',
        params: executionParams,
        response: { 200: cancelledResponse },
      },
    },
    async (request) => {
      const { id, state } = await executionOf(request)
      const run = isFinal(state) ? null : await runs.abort(id, principalOf(request))
      // The execution may have ended by itself first.
      if (run === null || (isFinal(run.state) && run.state !== 'aborted')) {
        throw new MillraceError('run_over', 'The execution is already over')
      }
      return { executionId: run.id, state: run.state }
    },
  )

  app.get(
    '/api/agent/stream/:executionId',
    {
      config: { stream: true },
      schema: {
        tags: ['executions'],
        summary: 'What an execution does, as Server-Sent Events',
        params: executionParams,
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const streamed = streamedOf(runs, request.params.executionId, principalOf(request), checkKind)
      return streamRun(request, reply, streamed, heartbeat)
    },
  )
}

function checkKind({ kind, id }: Run): void {
  if (kind === 'execution' || kind === 'external') return
  throw new MillraceError('not_found', `No run ${id.slice(0, 64)}`)
}

/** Starts a run. A refusal names the fields as callers of this face know them. */
async function start(
  runs: Pick<Runs, 'start'>,
  body: Parameters<Runs['start']>[0],
  principal: Principal,
): Promise<Run> {
  try {
    return (await runs.start(body, principal)).run
  } catch (error) {
    if (!(error instanceof MillraceError) || error.fields === undefined) throw error
    const fields = error.fields.map(({ path, expected }) => ({
      path: path === 'project' ? 'projectId' : path,
      expected,
    }))
    const message = error.message.replace('project: ', 'projectId: ')
    throw new MillraceError(error.code, message, { fields, cause: error })
  }
}
