/**
 * The faces as Express (or Connect) middleware. Uses a body that an earlier middleware has parsed,
 * and hands on what no face answers, untouched: neither its body nor its address has been looked at.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import Fastify, { type FastifyBaseLogger, type FastifyPluginAsync, LogController } from 'fastify'

export type ExpressMiddleware = (
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** Builds the middleware once; `faces` are then ready to answer. */
export async function expressMiddleware(
  faces: FastifyPluginAsync,
  log: FastifyBaseLogger,
): Promise<ExpressMiddleware> {
  /** The way on from a request, for those that no face knows. */
  const ways = new WeakMap<IncomingMessage, () => void>()
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 255 },
    // An address that cannot be read is no address of ours.
    frameworkErrors: (_error, request, reply) => {
      reply.hijack()
      ways.get(request.raw)?.()
    },
  })
  // Before anything reads the body: whoever is next in the host application may want it.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    reply.hijack()
    ways.get(request.raw)?.()
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!request.raw.readableEnded) return payload
    return replay((request.raw as { body?: unknown }).body, request.headers['content-length'])
  })
  await app.register(faces)
  await app.ready()
  return (request, response, next) => {
    ways.set(request, () => next())
    app.routing(request, response)
  }
}

/**
 * A body that was read before us, as the stream it was: the faces then check it as they check any
 * other. Where nobody kept what was read, it is an empty one, and no request that waits for ever.
 */
function replay(body: unknown, contentLength: string | undefined): Readable {
  const bytes = bytesOf(body)
  const stream = Readable.from(bytes.length > 0 ? [bytes] : []) as Readable & {
    receivedEncodedLength?: number
  }
  // Fastify holds what it received against Content-Length, which speaks of the bytes on the wire.
  stream.receivedEncodedLength = Number(contentLength ?? bytes.length)
  return stream
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''))
}
