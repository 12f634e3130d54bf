/** Web Push: which browsers are notified when a run asks something. */
import { pushBody, pushRemoveBody, pushResponse } from '@millrace/protocol/schemas'
import { z } from 'zod'
import { type Face, principalOf } from '#http/face'
import type { PushSubscriptions } from '#push/subscriptions'

const tags = ['push']

export function pushFace(subscriptions: Pick<PushSubscriptions, 'keys' | 'add' | 'remove'>): Face {
  return {
    routes(app) {
      app.get(
        '/api/push',
        {
          schema: { tags, summary: 'The key that browsers subscribe with', response: { 200: pushResponse } },
        },
        async () => ({ publicKey: (await subscriptions.keys()).publicKey }),
      )

      app.post(
        '/api/push',
        {
          config: { rate: 'tickets' },
          schema: {
            tags,
            summary: 'Notify a browser of the questions of the caller’s runs, until the caller’s login ends',
            body: pushBody,
            response: { 204: z.null() },
          },
        },
        async (request, reply) => {
          principalOf(request)
          if (request.identity !== null) await subscriptions.add(request.identity, request.body)
          return reply.code(204).send(null)
        },
      )

      app.delete(
        '/api/push',
        {
          schema: {
            tags,
            summary: 'Notify a browser no longer',
            body: pushRemoveBody,
            response: { 204: z.null() },
          },
        },
        async (request, reply) => {
          await subscriptions.remove(principalOf(request).user, request.body.endpoint)
          return reply.code(204).send(null)
        },
      )
    },
  }
}
