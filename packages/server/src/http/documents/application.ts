/** An application of its own that describes routes and shows the description. Its copies of the routes are never called. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import type { PublicAddress } from '#http/public-address'
import { compilersFactory } from '#http/routes'
import { contentPolicy } from '#http/security-headers'
import { describeOptionalBodies, describeRoute, securitySchemes } from './describe.ts'

export interface DocumentParts {
  version: string
  address: Pick<PublicAddress, 'origin' | 'prefix' | 'url'>
}

export async function openDocuments(
  routes: readonly RouteOptions[],
  { version, address: { origin, prefix, url } }: DocumentParts,
): Promise<FastifyInstance> {
  const app = Fastify({ schemaController: { compilersFactory } })
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Millrace',
        version,
        description: 'Runs long-lived work and streams everything it does: live, durable, resumable.',
        license: { name: 'Apache-2.0' },
      },
      ...(origin === null ? {} : { servers: [{ url }] }),
      components: { securitySchemes },
      security: [{ bearer: [] }],
    },
    transform: describeRoute,
    transformObject: (document) =>
      'openapiObject' in document ? describeOptionalBodies(document.openapiObject) : document.swaggerObject,
  })
  for (const { method, url, schema, config } of routes) {
    if (method === 'HEAD' || schema?.hide) continue
    app.route({ method, url, schema, config, handler: (_request, reply) => reply.callNotFound() })
  }
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    indexPrefix: prefix,
    theme: { title: 'Millrace: the API' },
    // Replaces the plugin's own policy, which admits any https source and asks for an upgrade that a plain
    // server cannot give. The page styles its elements inline; scripts come from us alone.
    staticCSP: { ...contentPolicy, 'style-src': ["'self'", "'unsafe-inline'"] },
  })
  await app.ready()
  return app
}
