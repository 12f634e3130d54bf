/** The jobs face (contract section 3): start a tool, follow its output, look at the queue. */
import { MillraceError } from '@millrace/protocol'
import { z } from 'zod'
import { type FaceApp, principalOf, type StartingParts } from '#faces/face'
import { streamRun } from '#faces/streaming'

const heartbeat = { intervalMs: 30_000, text: 'heartbeat' }
const jobParams = z.object({ jobId: z.string().max(255) })

const executeBody = z.object({
  toolId: z.string('toolId must be a non-empty string').min(1, 'toolId must be a non-empty string'),
  projectId: z.string('projectId must be a non-empty string').min(1, 'projectId must be a non-empty string'),
})
const executeResponse = z.object({ data: z.object({ jobId: z.uuid() }) })
const queueResponse = z.object({
  data: z.object({
    concurrency: z.int(),
    running: z.int(),
    pending: z.int(),
    completed: z.int(),
    failed: z.int(),
    averageDurationMs: z.number(),
  }),
})

export function jobsFace(app: FaceApp, parts: StartingParts): void {
  const { runs } = parts
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, refusals: 'message' }
  })

  app.post(
    '/api/execute',
    {
      config: { starts: true },
      schema: {
        tags: ['jobs'],
        summary: 'Queue a tool in a project; answers at once',
        body: executeBody,
        response: { 200: executeResponse },
      },
    },
    async (request) => {
      await parts.rates.starts(request)
      const { toolId, projectId } = request.body
      const { run } = await runs.start(
        { kind: 'job', tool: toolId, project: projectId },
        principalOf(request),
      )
      return { data: { jobId: run.id } }
    },
  )

  app.get(
    '/api/stream/:jobId',
    {
      config: { stream: true },
      schema: {
        tags: ['jobs'],
        summary: 'The output of a job, line by line, as Server-Sent Events',
        params: jobParams,
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const { jobId } = request.params
      const run = await runs.get(jobId, principalOf(request))
      if (run.kind !== 'job') throw new MillraceError('not_found', `No job ${jobId}`)
      return streamRun(request, reply, parts, run, heartbeat)
    },
  )

  app.get(
    '/api/queue/status',
    { schema: { tags: ['jobs'], summary: 'Counts of the job queue', response: { 200: queueResponse } } },
    async () => {
      const counts = await runs.counts('job')
      return { data: { concurrency: parts.config.concurrency.job, ...counts } }
    },
  )
}
