/** Our own HTTP server around the faces: security headers, compression, the page, the API's documents. */
import fastifyCompress from '@fastify/compress'
import fastifyCors from '@fastify/cors'
import fastifyHelmet from '@fastify/helmet'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import { type ErrorCode, MillraceError } from '@millrace/protocol'
import Fastify, { type FastifyInstance, LogController, type RouteOptions } from 'fastify'
import type { Logger } from 'pino'
import type { FaceApp, FaceParts } from '#faces/face'
import { routes } from '#faces/routes'
import { ownConnections } from '#faces/streaming'
import { logRequests, requestNames } from '#telemetry/request-log'
import { describeOptionalBodies, describeRoute, securitySchemes } from './api-document.ts'
import { answerClientError, answerUnreadable } from './client-errors.ts'
import { checkHost } from './guard.ts'
import { sendRefusal } from './problems.ts'
import { staticPage } from './static-page.ts'

/** What a browser of another origin may read of a stream's headers. */
const exposedHeaders = [
  'Location',
  'Millrace-Epoch',
  'Millrace-Head',
  'Idempotent-Replayed',
  'Retry-After',
  'X-Request-Id',
]

/** How long the parts of a request may take to come. */
export interface RequestTimes {
  headersMs: number
  /** The whole request, its body included. */
  requestMs: number
  /** How often it is looked whether one is over. */
  checkMs: number
}

const requestTimes: RequestTimes = { headersMs: 10_000, requestMs: 30_000, checkMs: 2000 }

export interface HttpServerOptions {
  times?: RequestTimes
  /** Told of every route there is. */
  onRoute?: (route: RouteOptions) => void
}

/** Content-Security-Policy of everything that is sent. */
const pagePolicy = {
  'default-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'object-src': ["'none'"],
}

export async function createHttpServer(
  parts: FaceParts,
  log: Logger,
  { times = requestTimes, onRoute }: HttpServerOptions = {},
): Promise<FastifyInstance> {
  const { http, limits } = parts.config
  const app = Fastify({
    // A logger of its own: its level can be changed without changing everybody's.
    loggerInstance: log.child({}) as unknown as import('fastify').FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // One proxy: the address that it saw counts. Whatever else `X-Forwarded-For` says, a client may have written.
    trustProxy: http.trustProxy && ((_address, hop) => hop === 0),
    genReqId: requestNames(http.trustProxy),
    bodyLimit: limits.bodyBytes,
    // A client that sends its request byte by byte holds a connection no longer than this.
    requestTimeout: times.requestMs,
    http: { headersTimeout: times.headersMs, connectionsCheckingInterval: times.checkMs },
    clientErrorHandler: (error, socket) => {
      const code = answerClientError(error, socket)
      if (code !== null) parts.metrics.http.rejected(code)
    },
    frameworkErrors: answerUnreadable(http.hosts),
    routerOptions: { maxParamLength: 255 },
    // A stream is a request that is never answered to its end: close() must not wait for it.
    forceCloseConnections: true,
  })
  if (onRoute !== undefined) app.addHook('onRoute', onRoute)
  app.decorate(ownConnections, true)
  app.decorate('countRejection', (code: ErrorCode) => parts.metrics.http.rejected(code))
  app.setErrorHandler(sendRefusal)
  app.setNotFoundHandler((request, reply) =>
    sendRefusal(
      new MillraceError('not_found', `Nothing is at ${request.method} ${request.url.split('?')[0]}`),
      request,
      reply,
    ),
  )
  // First of all hooks, so that what the others refuse has its line too.
  logRequests(
    app,
    (request) => request.identity?.principal,
    (answered) => parts.metrics.http.answered(answered),
  )
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: pagePolicy,
    },
    // As `frame-ancestors` says, for those that do not know it.
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
  })
  // After the headers of every answer, its own included.
  app.addHook('onRequest', async (request) => checkHost(request, http.hosts))
  if (http.cors.origins.length > 0) {
    await app.register(fastifyCors, { origin: [...http.cors.origins], exposedHeaders, credentials: false })
  }
  await app.register(fastifyCompress, { global: true, threshold: 1024, encodings: ['gzip'] })
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Millrace',
        version: parts.version,
        description: 'Runs long-lived work and streams everything it does: live, durable, resumable.',
        license: { name: 'Apache-2.0' },
      },
      components: { securitySchemes },
      security: [{ bearer: [] }],
    },
    transform: describeRoute,
    transformObject: (document) =>
      'openapiObject' in document ? describeOptionalBodies(document.openapiObject) : document.swaggerObject,
  })
  await app.register(routes(parts))
  await app.register(async (page) => staticPage(page as unknown as FaceApp))
  await app.register(documents)
  return app
}

async function documents(app: FastifyInstance): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Millrace: the API' },
    // Instead of its own policy, which lets in any https source and asks for an upgrade that a plain
    // server has not. It styles its elements inline; scripts come from us alone.
    staticCSP: { ...pagePolicy, 'style-src': ["'self'", "'unsafe-inline'"] },
  })
}
