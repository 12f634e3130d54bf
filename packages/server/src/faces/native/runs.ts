/** The native face (docs/protocol.md#3-native-face): start runs, list them, look them up. */
import { listRunsQuery, listRunsResponse, runResponse } from '@millrace/protocol/schemas'
import { type FaceApp, principalOf } from '#http/face'
import { idempotencyHeaders, type NativeFaceParts, runParams, sendCreated } from './run-route.ts'

export function runRoutes(app: FaceApp, { runs }: Pick<NativeFaceParts, 'runs'>): void {
  app.post(
    '/api/runs',
    {
      config: { starts: true, refuses: ['idempotency_mismatch', 'project_busy', 'agent_unavailable'] },
      schema: {
        tags: ['runs'],
        summary: 'Start a run; answers at once',
        headers: idempotencyHeaders,
        body: runs.request,
        response: { 201: runResponse },
      },
    },
    async (request, reply) => {
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
}
