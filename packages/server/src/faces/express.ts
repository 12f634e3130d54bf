/**
 * The faces as Express (or Connect) middleware. Uses a body that an earlier middleware has parsed,
 * and hands on what no face answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

export type ExpressMiddleware = (
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

type Next = (error?: unknown) => void

/** Requests that came through a middleware, with the way on for those that no face knows. */
const ways = new WeakMap<IncomingMessage, Next>()

export function expressMiddleware(app: () => Promise<FastifyInstance>): ExpressMiddleware {
  let ready: Promise<FastifyInstance> | null = null
  const prepare = async () => {
    const instance = await app()
    instance.setNotFoundHandler((request, reply) => {
      reply.hijack()
      ways.get(request.raw)?.()
    })
    instance.addHook('preParsing', async (request, _reply, payload) => {
      const { body } = request.raw as IncomingMessage & { body?: unknown }
      if (body === undefined || !request.raw.readableEnded) return payload
      return replay(body, request.headers['content-length'])
    })
    await instance.ready()
    return instance
  }
  return (request, response, next) => {
    ready ??= prepare()
    ready.then(
      (instance) => {
        ways.set(request, next)
        instance.routing(request, response)
      },
      (error: unknown) => {
        ready = null
        next(error)
      },
    )
  }
}

/** A parsed body as the stream it was: the faces then check it as they check any other. */
function replay(body: unknown, contentLength: string | undefined): Readable {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const stream = Readable.from([bytes]) as Readable & { receivedEncodedLength?: number }
  // Fastify holds what it received against Content-Length, which speaks of the bytes on the wire.
  stream.receivedEncodedLength = Number(contentLength ?? bytes.length)
  return stream
}
