/** The API's document, derived from the routes, and the page that shows it. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { describeOptionalBodies, describeRoute, securitySchemes } from './api-document.ts'
import type { PublicAddress } from './public-address.ts'
import { contentPolicy } from './security-headers.ts'

/** Must be registered before the routes it describes. */
export async function documentApi(
  app: FastifyInstance,
  version: string,
  { origin, url }: Pick<PublicAddress, 'origin' | 'url'>,
): Promise<void> {
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
}

/** `/openapi.json` and `/docs`, for everyone. */
export async function serveDocuments(app: FastifyInstance, prefix: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    indexPrefix: prefix,
    theme: { title: 'Millrace: the API' },
    // Replaces the plugin's own policy, which admits any https source and asks for an upgrade that a plain
    // server cannot give. The page styles its elements inline; scripts come from us alone.
    staticCSP: { ...contentPolicy, 'style-src': ["'self'", "'unsafe-inline'"] },
  })
}
