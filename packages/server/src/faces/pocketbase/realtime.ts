/**
 * The realtime face (docs/protocol.md#7-realtime): one connection, many topics, in the protocol of the official
 * PocketBase SDK.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { MillraceError } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { OpenStreams, Reservation } from '#admission/open-streams'
import type { Identity } from '#auth/identity'
import type { Face, FaceApp } from '#http/face'
import { forgetOwnHead, ownsConnection } from '#http/forget-head'
import type { RealtimeClient } from '#realtime/client'
import type { Elsewhere, SubscribeHere } from '#realtime/elsewhere'
import type { Realtime } from '#realtime/realtime'
import { mergeHeaders, setStreamHeaders } from '#sse/headers'
import { logStream } from '#telemetry/request-log'
import { readPublishBody, readSubscribeBody } from './body.ts'
import { InvalidFields, malformed, pocketbaseRefusals } from './refusals.ts'

export interface RealtimeFaceParts {
  realtime: Pick<Realtime, 'connect' | 'find' | 'subscribe' | 'publish'>
  streams: Pick<OpenStreams, 'reserve'>
  compress: boolean
  bodyBytesMax: number
  /** Null: this node is alone. */
  elsewhere: Pick<Elsewhere, 'subscribe' | 'onSubscribe'> | null
}

/** A thousand subscriptions of 2,500 characters, and what JSON puts around them. */
const subscribeBytes = 4 * 1024 * 1024

/**
 * Schemas only document the bodies. They are judged by the routes, in PocketBase's words and in bounded
 * time: a schema would examine each of two million wrong items, for seconds, and anyone may send them.
 */
const judgedHere = () => (body: unknown) => ({ value: body })

const subscribeBody = z.object({ clientId: z.string(), subscriptions: z.array(z.string()).optional() })
const publishBody = z.object({ topic: z.string(), data: z.unknown() })

export function realtimeFace(parts: RealtimeFaceParts): Face {
  return {
    refusals: pocketbaseRefusals,
    routes(app) {
      // The place of each client among the open streams; its owner is known once it subscribes.
      const places = new WeakMap<RealtimeClient, Reservation>()
      app.addHook('onRoute', (route) => {
        route.config = { ...route.config, bareToken: true }
      })
      connectRoute(app, parts, places)
      const subscribeHere = subscribing(parts, places)
      parts.elsewhere?.onSubscribe(subscribeHere)
      subscribeRoute(app, parts, subscribeHere)
      publishRoute(app, parts)
    },
  }
}

type Places = WeakMap<RealtimeClient, Reservation>

function connectRoute(app: FaceApp, parts: RealtimeFaceParts, places: Places): void {
  const { realtime, streams, compress } = parts
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
          compress,
          ownConnection: ownsConnection(request),
        })
        if (client === null) place.release()
        else {
          places.set(client, place)
          place.attach(client)
          logConnection(request, client)
          forgetOwnHead(request, reply)
        }
      } catch (error) {
        place.release()
        throw error
      }
      return reply.hijack()
    },
  )
}

function subscribing({ realtime }: RealtimeFaceParts, places: Places): SubscribeHere {
  return (clientId, identity, subscriptions) => {
    const client = realtime.find(clientId)
    if (client === undefined) throw noClient()
    refuseAnother(client, identity)
    realtime.subscribe(client, identity, subscriptions, () => {
      if (identity !== null) places.get(client)?.handOver(identity)
    })
  }
}

function noClient(): MillraceError {
  return new MillraceError('not_found', 'Missing or invalid client id.')
}

function subscribeRoute(app: FaceApp, parts: RealtimeFaceParts, subscribeHere: SubscribeHere): void {
  const { realtime, bodyBytesMax, elsewhere } = parts
  app.post(
    '/api/realtime',
    {
      config: { access: 'optional', refuses: ['not_found', 'too_many_streams', 'rate_limited'] },
      bodyLimit: Math.max(bodyBytesMax, subscribeBytes),
      validatorCompiler: judgedHere,
      schema: {
        tags: ['realtime'],
        summary: 'Replace the set of topics that a connection follows',
        body: subscribeBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { clientId, subscriptions } = readSubscribeBody(request.body)
      const { identity } = request
      if (elsewhere === null || realtime.find(clientId) !== undefined)
        subscribeHere(clientId, identity, subscriptions)
      else if (!(await passedOn(elsewhere, clientId, identity, subscriptions))) throw noClient()
      return reply.code(204).send(null)
    },
  )
}

function publishRoute(app: FaceApp, { realtime }: RealtimeFaceParts): void {
  app.post(
    '/api/realtime/publish',
    {
      config: { access: 'admin' },
      validatorCompiler: judgedHere,
      schema: {
        tags: ['realtime'],
        summary: 'Send data to all subscribers of a topic of an application',
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

/** A node that is gone has taken its clients with it: they connect anew. */
async function passedOn(
  elsewhere: Pick<Elsewhere, 'subscribe'>,
  ...[clientId, identity, subscriptions]: Parameters<SubscribeHere>
): Promise<boolean> {
  try {
    return await elsewhere.subscribe(clientId, identity, subscriptions)
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not_found') return false
    throw error
  }
}

/** A client belongs to its first principal: nobody else can change its subscriptions, or learn that it exists. */
function refuseAnother({ principal }: RealtimeClient, identity: Identity | null): void {
  if (principal === null) return
  const caller = identity?.principal
  if (caller?.user === principal.user && caller.admin === principal.admin) return
  throw new MillraceError('forbidden', "The current and the previous request authorization don't match.")
}

/** Logs the owner at the end: the SDK authenticates only when it subscribes. The client's id stays secret. */
function logConnection(request: FastifyRequest, client: RealtimeClient): void {
  const opener = request.identity?.principal.user
  const factsAtEnd = () => ({
    user: client.principal?.user ?? opener,
    subscriptions: client.subscriptions.size,
  })
  logStream(request, { user: opener }, factsAtEnd, client)
}

function answerHead(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { raw } = reply
  mergeHeaders(raw, reply.getHeaders() as OutgoingHttpHeaders)
  setStreamHeaders(request.raw, raw)
  raw.setHeader('Cache-Control', 'no-cache, no-transform')
  raw.end()
  return reply.hijack()
}
