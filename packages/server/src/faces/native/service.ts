/** What operators and their machines ask: is it alive, is it ready, what does it count. */
import { z } from 'zod'
import type { FaceApp, FaceParts } from '#faces/face'

const readiness = z.object({ status: z.enum(['ok', 'draining', 'storage_full', 'storage_failed']) })

export function serviceFace(app: FaceApp, parts: FaceParts): void {
  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      logLevel: 'warn',
      schema: {
        tags: ['service'],
        summary: 'Liveness',
        response: { 200: z.object({ status: z.literal('ok') }) },
      },
    },
    () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      logLevel: 'warn',
      schema: { tags: ['service'], summary: 'Readiness', response: { 200: readiness, 503: readiness } },
    },
    async (_request, reply) => {
      const { ready, status } = parts.readiness()
      return reply.code(ready ? 200 : 503).send({ status })
    },
  )

  app.get(
    '/metrics',
    {
      config: { access: 'admin' },
      logLevel: 'warn',
      schema: { tags: ['service'], summary: 'Prometheus metrics' },
    },
    async (_request, reply) => {
      const { contentType, body } = await parts.metrics.text()
      return reply.type(contentType).serializer(String).send(body)
    },
  )

  app.get(
    '/api/server',
    {
      schema: {
        tags: ['service'],
        summary: 'What this server is, and what stands between a run and its machine',
        response: {
          200: z.object({
            version: z.string(),
            user: z.string(),
            admin: z.boolean(),
            sandbox: z.object({ boundary: z.enum(['bubblewrap', 'none']), warnings: z.array(z.string()) }),
          }),
        },
      },
    },
    (request) => ({
      version: parts.version,
      user: request.identity?.principal.user ?? '',
      admin: request.identity?.principal.admin ?? false,
      sandbox: { boundary: parts.sandbox.boundary, warnings: parts.sandbox.warnings },
    }),
  )
}
