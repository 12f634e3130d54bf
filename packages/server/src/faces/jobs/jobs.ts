/** The jobs face (docs/protocol.md#4-jobs-face): start a tool, follow its output, read the queue's counts. */
import { MillraceError } from '@millrace/protocol'
import { z } from 'zod'
import { type StreamRun, streamedOf } from '#faces/streaming'
import { type Face, type FaceApp, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'
import { jobsRefusals } from './refusals.ts'

export interface JobsFaceParts {
  runs: Pick<Runs, 'start' | 'getWithBounds' | 'counts'>
  streamRun: StreamRun
  /** How many jobs run at a time. */
  concurrency: number
}

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

export function jobsFace(parts: JobsFaceParts): Face {
  return { refusals: jobsRefusals, routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, { runs, streamRun, concurrency }: JobsFaceParts): void {
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
      const { toolId, projectId } = request.body
      const body = { kind: 'job', tool: toolId, project: projectId } as const
      const { run } = await runs.start(body, principalOf(request))
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
      const streamed = streamedOf(runs, jobId, principalOf(request), ({ kind }) => {
        if (kind !== 'job') throw new MillraceError('not_found', `No job ${jobId}`)
      })
      return streamRun(request, reply, streamed, heartbeat)
    },
  )

  app.get(
    '/api/queue/status',
    { schema: { tags: ['jobs'], summary: 'Counts of the job queue', response: { 200: queueResponse } } },
    async () => ({ data: { concurrency, ...(await runs.counts('job')) } }),
  )
}
