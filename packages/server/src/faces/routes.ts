/**
 * All faces as one Fastify plugin, encapsulated: it can be registered in our own server or in a host
 * application's. Routes are for signed-in users unless they say otherwise.
 */
import fastifyCookie from '@fastify/cookie'
import type { ErrorCode } from '@millrace/protocol'
import type { FastifyPluginAsync } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { createRateLimits } from '#admission/rate-limits'
import { jobsFace } from '#faces/jobs/jobs'
import { adminFace } from '#faces/native/admin'
import { loginFace } from '#faces/native/login'
import { probeFace } from '#faces/native/probe'
import { nativeFace } from '#faces/native/runs'
import { serviceFace } from '#faces/native/service'
import { ticketFace } from '#faces/native/tickets'
import { realtimeFace } from '#faces/pocketbase/realtime'
import { sessionsFace } from '#faces/sessions/sessions'
import { checkAccess, checkHost, identify } from '#http/guard'
import { readJsonBodies } from '#http/json-body'
import { sendRefusal } from '#http/problems'
import type { FaceApp, FaceParts } from './face.ts'

export function routes(base: FaceParts): FastifyPluginAsync {
  return async (instance) => {
    const app = instance.withTypeProvider<ZodTypeProvider>() as unknown as FaceApp
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
    app.setErrorHandler(sendRefusal)
    readJsonBodies(instance)
    const parts = { ...base, rates: await createRateLimits(instance, base.config.limits) }
    if (!app.hasDecorator('countRejection'))
      app.decorate('countRejection', (code: ErrorCode) => base.metrics.http.rejected(code))
    const embedded = parts.hostPrincipal !== null
    if (!app.hasDecorator('parseCookie')) await app.register(fastifyCookie)
    // A host application may have a decorator of that name; on our own requests it is ours.
    if (!app.hasRequestDecorator('identity')) app.decorateRequest('identity', null)

    app.addHook('onRequest', async (request, reply) => {
      if (parts.delivery.guardPipelining(request.raw) || parts.realtime.guardPipelining(request.raw)) {
        reply.hijack()
        return
      }
      if (request.routeOptions.config.stream && parts.readiness().status === 'draining') {
        // Any status would stop an EventSource for good; a network error lets it come back.
        reply.hijack()
        request.raw.socket.destroy()
        return
      }
      // What is a caller's own is in no cache; a stream says the same in its own words.
      if (request.routeOptions.config.access !== 'public') reply.header('Cache-Control', 'no-store')
      if (!embedded) checkHost(request, parts.config.http.hosts)
      request.identity = await identify(request, parts)
      checkAccess(request)
    })

    await app.register(async (face) => nativeFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => jobsFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => realtimeFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => sessionsFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => serviceFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => adminFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => probeFace(face as unknown as FaceApp, parts))
    if (embedded) return
    await app.register(async (face) => loginFace(face as unknown as FaceApp, parts))
    await app.register(async (face) => ticketFace(face as unknown as FaceApp, parts))
  }
}
