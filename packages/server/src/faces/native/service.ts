/** For operators and their machines: liveness, readiness, metrics, and what this server is. */

import type { SandboxReport } from '@millrace/sandbox'
import { z } from 'zod'
import type { Face, FaceApp } from '#http/face'
import type { Metrics } from '#telemetry/metrics'

const statuses = ['ok', 'draining', 'storage_full', 'storage_away', 'storage_failed'] as const
const readiness = z.object({ status: z.enum(statuses) })

/** Readiness, as `/readyz` reports it. */
export interface Readiness {
  ready: boolean
  status: z.infer<typeof readiness>['status']
}

export interface ServiceFaceParts {
  version: string
  sandbox: () => Pick<SandboxReport, 'boundary' | 'warnings'>
  metrics: Pick<Metrics, 'text'>
  readiness: () => Readiness
}

export function serviceFace(parts: ServiceFaceParts): Face {
  return {
    routes(app) {
      healthRoutes(app, parts)
      reportRoutes(app, parts)
    },
  }
}

function healthRoutes(app: FaceApp, parts: ServiceFaceParts): void {
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
}

function reportRoutes(app: FaceApp, parts: ServiceFaceParts): void {
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
        summary: 'The version of this server, the caller, and the sandbox of its runs',
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
      sandbox: shown(parts.sandbox()),
    }),
  )
}

function shown({ boundary, warnings }: Pick<SandboxReport, 'boundary' | 'warnings'>) {
  return { boundary, warnings }
}
