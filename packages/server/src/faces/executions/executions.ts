/**
 * The executions face (docs/protocol.md#9-executions-face): follow and cancel runs that report in the words of an
 * execution. Today those are external runs; no engine of this server starts one.
 */
import { isFinal, MillraceError, type Run } from '@millrace/protocol'
import { promptText } from '@millrace/protocol/schemas'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { StreamRun } from '#faces/streaming'
import { type Face, type FaceApp, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'

export interface ExecutionsFaceParts {
  runs: Pick<Runs, 'get' | 'abort'>
  projects: ReadonlyMap<string, unknown>
  streamRun: StreamRun
}

const heartbeat = { intervalMs: 30_000, text: 'heartbeat' }
const executionParams = z.object({ executionId: z.string().max(255) })

const executeBody = z.strictObject({
  task: promptText,
  /** What the agent should know besides the task. */
  context: z
    .union([z.string(), z.record(z.string(), z.unknown())], 'expected a text or an object')
    .optional(),
  projectId: z.string().min(1).max(255).optional(),
  model: z.string().min(1).max(255).optional(),
})
const cancelledResponse = z.object({ executionId: z.uuid(), state: z.string() })

/** Refuses with RFC 9457, as the native face does: both speak of the same runs. */
export function executionsFace(parts: ExecutionsFaceParts): Face {
  return { routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, { runs, projects, streamRun }: ExecutionsFaceParts): void {
  /** A run of another kind answers as a run that does not exist. */
  async function executionOf(request: FastifyRequest<{ Params: { executionId: string } }>): Promise<Run> {
    const { executionId } = request.params
    const run = await runs.get(executionId, principalOf(request))
    if (run.kind === 'execution' || run.kind === 'external') return run
    throw new MillraceError('not_found', `No run ${executionId.slice(0, 64)}`)
  }

  app.post(
    '/api/agent/execute',
    {
      config: { starts: true, refuses: ['agent_unavailable'] },
      schema: {
        tags: ['executions'],
        summary: 'Start an execution; refused, since this version has no engine for one',
        body: executeBody,
      },
    },
    async ({ body: { projectId } }) => {
      if (projectId !== undefined && !projects.has(projectId)) {
        const expected = `one of ${[...projects.keys()].join(', ')}`
        throw new MillraceError('invalid_request', `There is no project ${projectId}`, {
          fields: [{ path: 'projectId', expected }],
        })
      }
      throw new MillraceError(
        'agent_unavailable',
        'No execution engine is part of this version: start an external run, and let a program of yours do the work',
      )
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
    async (request, reply) => streamRun(request, reply, await executionOf(request), heartbeat),
  )
}
