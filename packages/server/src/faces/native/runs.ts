/** The native face (contract section 2): runs, their logs, and what may be started. */
import {
  answerApprovalBody,
  approvalResponse,
  eventsPage,
  fieldErrors,
  listRunsQuery,
  listRunsResponse,
  MillraceError,
  projectsResponse,
  type Run,
  resumeRunBody,
  runResponse,
  startRunBody,
  toolsResponse,
} from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { readPage } from '#delivery/page'
import { type FaceApp, mountPath, principalOf, type StartingParts } from '#faces/face'
import { refuseSpentTicket, streamRun } from '#faces/streaming'

const heartbeat = { intervalMs: 30_000, text: 'heartbeat' }
const runParams = z.object({ id: z.string().max(255) })
const approvalParams = runParams.extend({ approvalId: z.string().max(255) })
const idempotencyKey = z.string().min(1).max(255)

export function nativeFace(app: FaceApp, parts: StartingParts): void {
  const { runs } = parts

  app.post(
    '/api/runs',
    {
      config: { starts: true, refuses: ['idempotency_mismatch', 'project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['runs'],
        summary: 'Start a run; answers at once',
        headers: z.object({ 'idempotency-key': idempotencyKey.optional() }).loose(),
        body: startRunBody,
        response: { 201: runResponse },
      },
    },
    async (request, reply) => {
      await parts.rates.starts(request)
      const { run, created } = await runs.start(request.body, principalOf(request), {
        idempotencyKey: request.headers['idempotency-key'],
      })
      if (!created) reply.header('Idempotent-Replayed', 'true')
      return sendCreated(request, reply, run)
    },
  )

  app.get(
    '/api/runs',
    {
      schema: {
        tags: ['runs'],
        summary: 'Runs, newest first',
        querystring: listRunsQuery,
        response: { 200: listRunsResponse },
      },
    },
    (request) => runs.list(request.query, principalOf(request)),
  )

  app.get(
    '/api/runs/:id',
    { schema: { tags: ['runs'], summary: 'One run', params: runParams, response: { 200: runResponse } } },
    async (request) => ({ run: await runs.get(request.params.id, principalOf(request)) }),
  )

  app.get(
    '/api/runs/:id/events',
    {
      config: { stream: true },
      schema: {
        tags: ['runs'],
        summary: 'The log of a run: as Server-Sent Events, or a page as JSON',
        description:
          'Resumes after `Last-Event-ID` (or `after`). With `Accept: application/json` answers one page. ' +
          `Shape of a page: \`${JSON.stringify(z.toJSONSchema(eventsPage).required)}\`.`,
        params: runParams,
        produces: ['text/event-stream', 'application/json'],
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const run = await runs.get(id, principalOf(request))
      if (!wantsJson(request.headers.accept)) return streamRun(request, reply, parts, run, heartbeat)
      const query = pageQuery(request.query)
      refuseSpentTicket(request, run, query.after)
      const page = await readPage(parts.pages, id, {
        ...query,
        epoch: query.epoch ?? headerEpoch(request.headers),
      })
      if (page === null) throw new MillraceError('not_found', `No run ${id.slice(0, 64)}`)
      return reply.type('application/json; charset=utf-8').serializer(String).send(page)
    },
  )

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
      await parts.rates.starts(request)
      const run = await runs.retry(request.params.id, principalOf(request))
      return sendCreated(request, reply, run)
    },
  )

  app.post(
    '/api/runs/:id/resume',
    {
      config: { starts: true, refuses: ['not_resumable', 'run_open', 'project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['runs'],
        summary: 'Go on with the conversation of a session that is over, as a new run',
        params: runParams,
        // Fastify has null for a body that was not sent.
        body: resumeRunBody.nullish(),
        response: { 201: runResponse },
      },
    },
    async (request, reply) => {
      await parts.rates.starts(request)
      const run = await runs.resume(request.params.id, principalOf(request), request.body ?? {})
      return sendCreated(request, reply, run)
    },
  )

  app.post(
    '/api/runs/:id/approvals/:approvalId',
    {
      config: { refuses: ['already_answered'] },
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

  app.get(
    '/api/projects',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Projects the caller may use',
        response: { 200: projectsResponse },
      },
    },
    () => ({
      projects: [...parts.config.projects.values()].map(({ id }) => ({ id })),
      agent: parts.agent(),
    }),
  )

  app.get(
    '/api/tools',
    {
      schema: { tags: ['catalogue'], summary: 'Tools the caller may run', response: { 200: toolsResponse } },
    },
    () => ({
      tools: [...parts.config.tools.values()].map((tool) => ({
        id: tool.id,
        title: tool.title,
        projects: [...tool.projects],
        args: [...tool.args].map(([name, { required }]) => ({ name, required })),
        network: tool.network,
        timeoutSeconds: tool.timeoutSeconds,
      })),
    }),
  )
}

function sendCreated(request: FastifyRequest, reply: FastifyReply, run: Run) {
  return reply
    .code(201)
    .header('Location', `${mountPath(request)}/api/runs/${run.id}`)
    .send({ run })
}

const pageQuerySchema = z.object({
  after: z.string().max(32).optional(),
  epoch: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
})

function pageQuery(query: unknown): z.infer<typeof pageQuerySchema> {
  const parsed = pageQuerySchema.safeParse(query)
  if (parsed.success) return parsed.data
  throw new MillraceError('invalid_request', 'The query is not valid', { fields: fieldErrors(parsed.error) })
}

function headerEpoch(headers: Record<string, string | string[] | undefined>): string | undefined {
  const epoch = headers['millrace-epoch']
  return typeof epoch === 'string' ? epoch : undefined
}

/** JSON only for who asks for it: curl's and a browser's `Accept: *` follow the stream. */
function wantsJson(accept: string | undefined): boolean {
  return (
    accept !== undefined && /\bapplication\/json\b/.test(accept) && !/\btext\/event-stream\b/.test(accept)
  )
}
