/** Our own HTTP server around the faces: security headers, compression, the page, the API's document. */
import type { IncomingMessage } from 'node:http'
import fastifyCompress from '@fastify/compress'
import fastifyCors from '@fastify/cors'
import { type ErrorCode, MillraceError } from '@millrace/protocol'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  LogController,
  type RouteOptions,
} from 'fastify'
import type { Logger } from 'pino'
import { endTakenFrom } from '#sse/taken-socket'
import type { Answered } from '#telemetry/metrics/http-metrics'
import { logRequests, type RequestLevel, requestNames } from '#telemetry/request-log'
import { answerClientError, answerUnreadable } from './client-errors.ts'
import { announceConsole, sendUnknownPage, serveConsole, wantsPage } from './console.ts'
import { collectRoutes, serveDocuments } from './documents/documents.ts'
import type { FaceApp } from './face.ts'
import { ownConnections } from './forget-head.ts'
import { checkHost } from './guard.ts'
import { sendRefusal } from './problems.ts'
import type { PublicAddress } from './public-address.ts'
import { compilersFactory } from './routes.ts'
import { addSecurityHeaders } from './security-headers.ts'

/** Headers that a page of another origin may read. */
const exposedHeaders = [
  'Location',
  'Millrace-Epoch',
  'Millrace-Head',
  'Idempotent-Replayed',
  'Retry-After',
  'X-Request-Id',
]

/** How long the parts of a request may take to arrive. */
export interface RequestTimes {
  headersMs: number
  /** The whole request, its body included. */
  requestMs: number
  /** The interval at which both limits are checked. */
  checkMs: number
}

const requestTimes: RequestTimes = { headersMs: 10_000, requestMs: 30_000, checkMs: 2000 }

export interface HttpServerParts {
  /** All faces behind the guard, as `routes` makes them. */
  routes: FastifyPluginAsync
  hosts: readonly string[]
  trustProxy: boolean
  /** Origins whose pages may call us. */
  origins: readonly string[]
  bodyBytesMax: number
  version: string
  address: PublicAddress
  log: Logger
  onRejected: (code: ErrorCode) => void
  onAnswered: (answered: Answered) => void
}

export interface HttpServerOptions {
  /** Default: `info`. */
  requestLevel?: RequestLevel
  times?: RequestTimes
  /** Called with every route that exists. */
  onRoute?: (route: RouteOptions) => void
}

export async function createHttpServer(
  parts: HttpServerParts,
  { times = requestTimes, onRoute, requestLevel }: HttpServerOptions = {},
): Promise<FastifyInstance> {
  const app = createApp(parts, times)
  if (onRoute !== undefined) app.addHook('onRoute', onRoute)
  app.decorate(ownConnections, true)
  app.addHook('preClose', async () => endTakenFrom(app.server))
  announceConsole(app)
  app.decorate('countRejection', parts.onRejected)
  app.setErrorHandler(sendRefusal)
  app.setNotFoundHandler((request, reply) => {
    if (wantsPage(request)) return sendUnknownPage(request, reply)
    const path = request.url.split('?')[0]
    const error = new MillraceError('not_found', `No such route: ${request.method} ${path}`)
    return sendRefusal(error, request, reply)
  })
  // Before all other hooks, so that requests they refuse are logged too.
  logRequests(app, (request) => request.identity?.principal, parts.onAnswered, requestLevel)
  await addHeaders(app, parts)
  await app.register(fastifyCompress, { global: true, threshold: 1024, encodings: ['gzip'] })
  const described = collectRoutes(app)
  await app.register(parts.routes)
  await app.register(async (pages) => serveConsole(pages as unknown as FaceApp, parts.address.prefix))
  await app.register(async (documents) => serveDocuments(documents, described, parts))
  return app
}

function createApp(parts: HttpServerParts, times: RequestTimes): FastifyInstance {
  const { hosts, trustProxy, bodyBytesMax, address, log, onRejected } = parts
  return Fastify({
    // A child logger: its level can be changed without changing everyone's.
    loggerInstance: log.child({}) as unknown as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // One proxy: the address it saw counts. A client may have written the rest of `X-Forwarded-For`.
    trustProxy: trustProxy && ((_address, hop) => hop === 0),
    genReqId: requestNames(trustProxy),
    rewriteUrl: (request) => belowPrefix(request, address),
    bodyLimit: bodyBytesMax,
    // A client that sends its request byte by byte holds a connection no longer than this.
    requestTimeout: times.requestMs,
    http: { headersTimeout: times.headersMs, connectionsCheckingInterval: times.checkMs },
    clientErrorHandler: (error, socket) => {
      const code = answerClientError(error, socket)
      if (code !== null) onRejected(code)
    },
    frameworkErrors: answerUnreadable(hosts),
    routerOptions: { maxParamLength: 255 },
    schemaController: { compilersFactory },
    // A stream is a request whose answer never ends: close() must not wait for it.
    forceCloseConnections: true,
  })
}

/** Returns the target without the public prefix, which Express's own name for a mount path keeps. */
function belowPrefix(request: IncomingMessage & { baseUrl?: string }, address: PublicAddress): string {
  request.baseUrl = address.prefix
  return address.withoutPrefix(request.url ?? '/')
}

async function addHeaders(app: FastifyInstance, { hosts, origins }: HttpServerParts): Promise<void> {
  addSecurityHeaders(app)
  // After the headers of every answer, so that a refusal has them too.
  app.addHook('onRequest', async (request) => checkHost(request, hosts))
  if (origins.length > 0) {
    await app.register(fastifyCors, { origin: [...origins], exposedHeaders, credentials: false })
  }
}
