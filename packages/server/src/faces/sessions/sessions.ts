/** The sessions face (docs/protocol.md#5-sessions-face): start an agent session, follow its messages, abort it. */
import { isFinal, MillraceError, type Run } from '@millrace/protocol'
import { promptText } from '@millrace/protocol/schemas'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type StreamRun, streamedOf } from '#faces/streaming'
import { type Face, type FaceApp, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'
import { sessionsRefusals } from './refusals.ts'

export interface SessionsFaceParts {
  runs: Pick<Runs, 'start' | 'get' | 'getWithBounds' | 'abort'>
  streamRun: StreamRun
}

const heartbeat = { intervalMs: 15_000, text: 'heartbeat' }
const sessionParams = z.object({ sessionId: z.string().max(255) })

const sessionBody = z.object({
  prompt: promptText,
  projectId: z.string().min(1).max(255),
  /** Inside the project: relative to it, or absolute. */
  cwd: z.string().min(1).max(4096).optional(),
})
const startedResponse = z.object({ success: z.literal(true), sessionId: z.uuid() })
const doneResponse = z.object({ success: z.literal(true) })

export function sessionsFace(parts: SessionsFaceParts): Face {
  return { refusals: sessionsRefusals, routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, { runs, streamRun }: SessionsFaceParts): void {
  /** A run of another kind answers as a run that does not exist. */
  async function sessionOf(request: FastifyRequest<{ Params: { sessionId: string } }>): Promise<Run> {
    const { sessionId } = request.params
    const run = await runs.get(sessionId, principalOf(request))
    checkKind(run)
    return run
  }

  app.post(
    '/api/agent/test',
    {
      config: { starts: true, refuses: ['project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['sessions'],
        summary: 'Start an agent session in a project; answers at once',
        body: sessionBody,
        response: { 201: startedResponse },
      },
    },
    async (request, reply) => {
      const { projectId: project, prompt, cwd } = request.body
      const body = { kind: 'session', project, prompt, ...(cwd === undefined ? {} : { cwd }) } as const
      const { run } = await runs.start(body, principalOf(request))
      return reply.code(201).send({ success: true, sessionId: run.id })
    },
  )

  app.get(
    '/api/agent/test/stream/:sessionId',
    {
      config: { stream: true },
      schema: {
        tags: ['sessions'],
        summary: 'The messages of a session as they come, as Server-Sent Events',
        params: sessionParams,
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const streamed = streamedOf(runs, request.params.sessionId, principalOf(request), checkKind)
      return streamRun(request, reply, streamed, heartbeat)
    },
  )

  app.post(
    '/api/agent/test/abort/:sessionId',
    {
      config: { refuses: ['run_over'] },
      schema: {
        tags: ['sessions'],
        summary: 'End a session',
        params: sessionParams,
        response: { 200: doneResponse },
      },
    },
    async (request) => {
      const { id, state } = await sessionOf(request)
      const aborted = isFinal(state) ? null : await runs.abort(id, principalOf(request))
      // The session may have ended by itself first.
      if (aborted === null || (isFinal(aborted.state) && aborted.state !== 'aborted')) {
        throw new MillraceError('run_over', 'The session is already over')
      }
      return { success: true as const }
    },
  )
}

function checkKind({ kind, id }: Run): void {
  if (kind !== 'session') throw new MillraceError('not_found', `No run ${id}`)
}
