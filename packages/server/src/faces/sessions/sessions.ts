/** The sessions face (contract section 4): start an agent session, follow its messages, abort it. */
import { isFinal, MillraceError, promptText, type Run } from '@millrace/protocol'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type FaceApp, principalOf, type StartingParts } from '#faces/face'
import { streamRun } from '#faces/streaming'

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

export function sessionsFace(app: FaceApp, parts: StartingParts): void {
  const { runs } = parts
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, refusals: 'success' }
  })

  /** A run of another kind is no session, in the words of one that never was. */
  async function sessionOf(request: FastifyRequest<{ Params: { sessionId: string } }>): Promise<Run> {
    const { sessionId } = request.params
    const run = await runs.get(sessionId, principalOf(request))
    if (run.kind !== 'session') throw new MillraceError('not_found', `No run ${sessionId}`)
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
      await parts.rates.starts(request)
      const { projectId: project, prompt, cwd } = request.body
      const { run } = await runs.start(
        { kind: 'session', project, prompt, ...(cwd === undefined ? {} : { cwd }) },
        principalOf(request),
      )
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
    async (request, reply) => streamRun(request, reply, parts, await sessionOf(request), heartbeat),
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
      // It may have come to its own end first.
      if (aborted === null || (isFinal(aborted.state) && aborted.state !== 'aborted')) {
        throw new MillraceError('run_over', 'The session is already over')
      }
      return { success: true as const }
    },
  )
}
