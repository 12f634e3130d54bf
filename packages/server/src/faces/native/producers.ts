/** The calls of a program outside the server that does the work of a run (docs/protocol.md#3-native-face). */
import {
  finishRunBody,
  produceBody,
  producedResponse,
  runResponse,
  runTokenResponse,
} from '@millrace/protocol/schemas'
import type { Authenticator } from '#auth/authenticator'
import { type FaceApp, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'
import { runParams } from './run-route.ts'

export interface ProducerParts {
  runs: Pick<Runs, 'produce' | 'producible' | 'finish'>
  /** Null where a host application identifies callers. */
  auth: Pick<Authenticator, 'createRunToken'> | null
}

export function producerRoutes(app: FaceApp, { runs, auth }: ProducerParts): void {
  app.post(
    '/api/runs/:id/events',
    {
      // The answer is shorter than what is worth compressing.
      compress: false,
      config: { takesRunToken: true, refuses: ['run_over', 'fenced', 'sequence_gap'] },
      schema: {
        tags: ['producers'],
        summary: 'Append events to an external run, exactly once where they are counted',
        description:
          '`seq` counts the batches of a `producer` from 0. A repeated batch appends nothing and is answered as ' +
          'the first time. A new `epoch` begins again from 0 and fences the older ones. A batch without events ' +
          'is a sign of life.',
        params: runParams,
        body: produceBody,
        response: { 200: producedResponse },
      },
    },
    (request) => runs.produce(request.params.id, request.body, principalOf(request), { mayWait: false }),
  )

  app.post(
    '/api/runs/:id/finish',
    {
      config: { refuses: ['run_over', 'not_listening', 'quota_exceeded'] },
      schema: {
        tags: ['producers'],
        summary: 'End an external run, or let an interactive session complete',
        description:
          'A session needs no body: it completes once its turn is over and no message waits, and takes no more.',
        params: runParams,
        // Fastify has null for a body that was not sent.
        body: finishRunBody.nullish(),
        response: { 200: runResponse },
      },
    },
    async (request) => {
      const { id } = request.params
      return { run: await runs.finish(id, request.body ?? null, principalOf(request), { mayWait: false }) }
    },
  )

  if (auth === null) return
  app.post(
    '/api/runs/:id/token',
    {
      config: { rate: 'tickets', refuses: ['run_over'] },
      schema: {
        tags: ['producers'],
        summary: 'A token that appends to this run and opens nothing else',
        params: runParams,
        response: { 201: runTokenResponse },
      },
    },
    async (request, reply) => {
      const { id } = await runs.producible(request.params.id, principalOf(request))
      if (request.identity === null) throw new Error('a signed-in caller has an identity')
      return reply.code(201).send(await auth.createRunToken(request.identity, id))
    },
  )
}
