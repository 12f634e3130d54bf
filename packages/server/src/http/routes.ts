/**
 * Puts faces behind the guard, as one encapsulated Fastify plugin: for our own server, or for a host
 * application's. Routes are for signed-in users unless they declare otherwise.
 */
import type { IncomingMessage } from 'node:http'
import fastifyCookie from '@fastify/cookie'
import type { ErrorCode } from '@millrace/protocol'
import { readRequest } from '@millrace/protocol/schemas'
import type {
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  FastifySchemaCompiler,
  FastifyServerOptions,
} from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import {
  type CountEverywhere,
  createRateLimits,
  type RateLimitSettings,
  type RateLimits,
} from '#admission/rate-limits'
import type { Face, FaceApp } from './face.ts'
import { checkAccess, checkHost, type GuardParts, identify } from './guard.ts'
import { readJsonBodies } from './json-body.ts'
import { sendRefusal } from './problems.ts'
import type { RunStreams } from './run-streams.ts'

export interface RoutesParts {
  faces: readonly Face[]
  guard: GuardParts
  /** Host names that are served here, besides those of loopback. */
  hosts: readonly string[]
  limits: RateLimitSettings
  /** Absent: this node is alone. */
  countEverywhere?: CountEverywhere | null
  runStreams: RunStreams
  draining: () => boolean
  /** True when the request was pipelined behind a stream on its connection, which has ended it. */
  endsPipelined: (request: IncomingMessage) => boolean
  onRejected: (code: ErrorCode) => void
}

/** A refusal is in our own words, not in zod's. */
const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const whole = httpPart === 'querystring' ? '(query)' : `(${httpPart ?? 'body'})`
  return (value) => {
    try {
      return { value: readRequest(schema, value, whole) }
    } catch (error) {
      return { error: error as Error }
    }
  }
}

/** For an application of our own: without them, Fastify loads its two compilers of JSON Schema, which nothing here uses. */
export const compilersFactory = {
  buildValidator: () => validatorCompiler,
  buildSerializer: () => serializerCompiler,
} as unknown as NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

export function routes(parts: RoutesParts): FastifyPluginAsync {
  return async (instance) => {
    const app = instance.withTypeProvider<ZodTypeProvider>() as unknown as FaceApp
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
    app.setErrorHandler(sendRefusal)
    readJsonBodies(instance)
    if (!app.hasDecorator('countRejection')) app.decorate('countRejection', parts.onRejected)
    if (!app.hasDecorator('parseCookie')) await app.register(fastifyCookie)
    // A host application may have a decorator of that name; on our own requests it is ours.
    if (!app.hasRequestDecorator('identity')) app.decorateRequest('identity', null)

    app.addHook('onRoute', (route) => parts.runStreams.add(route))
    app.addHook('onRequest', (request, reply) => admit(request, reply, parts))
    const rates = await limitRates(app, parts)
    for (const face of parts.faces) {
      await app.register(async (context) => {
        const { refusals } = face
        if (refusals !== undefined) {
          context.addHook('onRoute', (route) => {
            route.config = { refusals, ...route.config }
          })
        }
        await face.routes(context as unknown as FaceApp, rates)
      })
    }
  }
}

async function admit(request: FastifyRequest, reply: FastifyReply, parts: RoutesParts): Promise<void> {
  if (parts.endsPipelined(request.raw)) {
    reply.hijack()
    return
  }
  const { config } = request.routeOptions
  if (config.stream && parts.draining()) {
    // Any status would stop an EventSource for good; after a network error it reconnects.
    reply.hijack()
    request.raw.socket.destroy()
    return
  }
  // Answers to one caller belong in no cache; a stream sets the same in its own words.
  if (config.access !== 'public') reply.header('Cache-Control', 'no-store')
  if (parts.guard.hostPrincipal === null) checkHost(request, parts.hosts)
  request.identity = await identify(request, parts.guard)
  checkAccess(request)
}

/** Counts a call once its body is known to be valid, before its route does anything. */
async function limitRates(
  app: FaceApp,
  { limits, countEverywhere }: Pick<RoutesParts, 'limits' | 'countEverywhere'>,
): Promise<RateLimits> {
  const rates = await createRateLimits(app, limits, countEverywhere)
  app.addHook('preHandler', async (request) => {
    const { starts, rate = starts ? 'starts' : undefined } = request.routeOptions.config
    if (rate !== undefined) await rates[rate](request)
  })
  return rates
}
