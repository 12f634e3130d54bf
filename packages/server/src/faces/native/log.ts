/** The log of a run: as a stream, or page by page. */
import { MillraceError } from '@millrace/protocol'
import { eventsPage, readRequest } from '@millrace/protocol/schemas'
import { z } from 'zod'
import { readPage } from '#delivery/page'
import { refuseSpentTicket, streamedOf } from '#faces/streaming'
import { type FaceApp, principalOf } from '#http/face'
import { type NativeFaceParts, runParams } from './run-route.ts'

const heartbeat = { intervalMs: 30_000, text: 'heartbeat' }

export function logRoutes(app: FaceApp, { runs, pages, streamRun }: NativeFaceParts): void {
  app.get(
    '/api/runs/:id/events',
    {
      config: { stream: true },
      schema: {
        tags: ['runs'],
        summary: 'The log of a run: as Server-Sent Events, or a page as JSON',
        description:
          'Resumes after `Last-Event-ID` (or `after`). With `Accept: application/json` answers one page; with `q`, only events that contain this text. ' +
          `Shape of a page: \`${JSON.stringify(z.toJSONSchema(eventsPage).required)}\`.`,
        params: runParams,
        produces: ['text/event-stream', 'application/json'],
      },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!wantsJson(request.headers.accept)) {
        return streamRun(request, reply, streamedOf(runs, id, principalOf(request)), heartbeat)
      }
      const run = await runs.get(id, principalOf(request))
      const query = pageQuery(request.query)
      refuseSpentTicket(request, run, query.after)
      const page = await readPage(pages, id, {
        ...query,
        epoch: query.epoch ?? headerEpoch(request.headers),
      })
      if (page === null) throw new MillraceError('not_found', `No run ${id.slice(0, 64)}`)
      return reply.type('application/json; charset=utf-8').serializer(String).send(page)
    },
  )
}

const pageQuerySchema = z.object({
  after: z.string().max(32).optional(),
  epoch: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  q: z.string().min(1).max(200).optional(),
})

function pageQuery(query: unknown): z.infer<typeof pageQuerySchema> {
  return readRequest(pageQuerySchema, query, '(query)')
}

function headerEpoch(headers: Record<string, string | string[] | undefined>): string | undefined {
  const epoch = headers['millrace-epoch']
  return typeof epoch === 'string' ? epoch : undefined
}

/** JSON only on request: the `Accept: *` of curl and of browsers follows the stream. */
function wantsJson(accept: string | undefined): boolean {
  return (
    accept !== undefined && /\bapplication\/json\b/.test(accept) && !/\btext\/event-stream\b/.test(accept)
  )
}
