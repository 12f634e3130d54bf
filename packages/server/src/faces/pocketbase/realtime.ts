/**
 * The realtime face (contract section 5): one connection, many topics, in the protocol of the official
 * PocketBase SDK.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { MillraceError } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Reservation } from '#admission/open-streams'
import type { Identity } from '#auth/identity'
import type { FaceApp, FaceParts } from '#faces/face'
import { ownConnections } from '#faces/streaming'
import { forgetHead } from '#http/forget-head'
import type { RealtimeClient } from '#realtime/client'
import { mergeHeaders, setStreamHeaders } from '#sse/headers'
import { logStream } from '#telemetry/request-log'
import { readPublishBody, readSubscribeBody } from './body.ts'
import { InvalidFields, malformed } from './refusals.ts'

type RealtimeFaceParts = Pick<FaceParts, 'realtime' | 'streams' | 'config'>

/** A thousand subscriptions of 2,500 characters, and what JSON puts around them. */
const subscribeBytes = 4 * 1024 * 1024

/**
 * Schemas describe the bodies for the API's document. What is wrong with one is said in PocketBase's words, and at
 * once: a schema looks at each of two million wrong items, for seconds, and anybody may send them.
 */
const judgedHere = () => (body: unknown) => ({ value: body })

const subscribeBody = z.object({ clientId: z.string(), subscriptions: z.array(z.string()).optional() })
const publishBody = z.object({ topic: z.string(), data: z.unknown() })

export function realtimeFace(app: FaceApp, parts: RealtimeFaceParts): void {
  const { realtime, streams, config } = parts
  const places = new WeakMap<RealtimeClient, Reservation>()
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, refusals: 'pocketbase', bareToken: true }
  })

  app.get(
    '/api/realtime',
    {
      config: { access: 'optional', stream: true },
      schema: {
        tags: ['realtime'],
        summary: 'A connection for topics, as Server-Sent Events',
        description:
          'Begins with `PB_CONNECT`, which says the id under which `POST /api/realtime` subscribes. Ids of ' +
          'frames are ids of clients: there is nothing to resume.',
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      if (request.method === 'HEAD') return answerHead(request, reply)
      const place = streams.reserve(request.identity, request.ip)
      try {
        const client = realtime.connect({
          req: request.raw,
          res: reply.raw,
          headers: reply.getHeaders() as OutgoingHttpHeaders,
          compress: config.http.compressStreams,
        })
        if (client === null) place.release()
        else {
          places.set(client, place)
          place.attach(client)
          logConnection(request, client)
          if (request.server.hasDecorator(ownConnections)) forgetHead(request.raw, reply.raw)
        }
      } catch (error) {
        place.release()
        throw error
      }
      return reply.hijack()
    },
  )

  app.post(
    '/api/realtime',
    {
      config: { access: 'optional', refuses: ['not_found', 'too_many_streams', 'rate_limited'] },
      bodyLimit: Math.max(config.limits.bodyBytes, subscribeBytes),
      validatorCompiler: judgedHere,
      schema: {
        tags: ['realtime'],
        summary: 'What a connection follows; replaces what it followed before',
        body: subscribeBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { clientId, subscriptions } = readSubscribeBody(request.body)
      const client = realtime.find(clientId)
      if (client === undefined) throw new MillraceError('not_found', 'Missing or invalid client id.')
      const { identity } = request
      refuseAnother(client, identity)
      realtime.subscribe(client, identity, subscriptions, () => {
        if (identity !== null) places.get(client)?.handOver(identity)
      })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/realtime/publish',
    {
      config: { access: 'admin' },
      validatorCompiler: judgedHere,
      schema: {
        tags: ['realtime'],
        summary: 'Send something to all who follow a topic of an application',
        body: publishBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { topic, data } = readPublishBody(request.body)
      try {
        realtime.publish(topic, data)
      } catch (error) {
        if (!(error instanceof MillraceError) || error.code !== 'invalid_request') throw error
        throw new InvalidFields({ topic: malformed }, `${error.fields?.[0]?.expected ?? error.message}.`)
      }
      return reply.code(204).send(null)
    },
  )
}

/** A client is its first principal's: nobody else can change what it follows, or see that there is one. */
function refuseAnother({ principal }: RealtimeClient, identity: Identity | null): void {
  if (principal === null) return
  const caller = identity?.principal
  if (caller?.user === principal.user && caller.admin === principal.admin) return
  throw new MillraceError('forbidden', "The current and the previous request authorization don't match.")
}

/** Whose it is shows at its end: the SDK says so only when it subscribes. Its id is for its client alone. */
function logConnection(request: FastifyRequest, client: RealtimeClient): void {
  const opener = request.identity?.principal.user
  logStream(request, { user: opener }, () => ({
    user: client.principal?.user ?? opener,
    subscriptions: client.subscriptions.size,
  }))
}

function answerHead(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { raw } = reply
  mergeHeaders(raw, reply.getHeaders() as OutgoingHttpHeaders)
  setStreamHeaders(request.raw, raw)
  raw.setHeader('Cache-Control', 'no-cache, no-transform')
  raw.end()
  return reply.hijack()
}
