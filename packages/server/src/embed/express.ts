/**
 * The faces as Express (or Connect) middleware. Accepts a body that an earlier middleware has parsed, and
 * passes requests that no face answers on untouched: neither body nor address has been read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import Fastify, { type FastifyBaseLogger, type FastifyPluginAsync, LogController } from 'fastify'

export type ExpressMiddleware = (
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** Builds the middleware; resolves when `faces` are ready to answer. */
export async function expressMiddleware(
  faces: FastifyPluginAsync,
  log: FastifyBaseLogger,
): Promise<ExpressMiddleware> {
  /** Calls the next middleware, for each request. */
  const nexts = new WeakMap<IncomingMessage, () => void>()
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 255 },
    // An address that cannot be read is none of ours.
    frameworkErrors: (_error, request, reply) => {
      reply.hijack()
      nexts.get(request.raw)?.()
    },
  })
  // Before anything reads the body: the next middleware of the host application may need it.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    reply.hijack()
    nexts.get(request.raw)?.()
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!request.raw.readableEnded) return payload
    return replay((request.raw as { body?: unknown }).body, request.headers['content-length'])
  })
  await app.register(faces)
  await app.ready()
  return (request, response, next) => {
    nexts.set(request, () => next())
    app.routing(request, response)
  }
}

/**
 * Turns a body that was read before us back into a stream, so that the faces check it like any other. If
 * nobody kept it, the stream is empty: the request must not wait forever.
 */
function replay(body: unknown, contentLength: string | undefined): Readable {
  const bytes = bytesOf(body)
  const stream = Readable.from(bytes.length > 0 ? [bytes] : []) as Readable & {
    receivedEncodedLength?: number
  }
  // Fastify compares the length it received with Content-Length, which counts the bytes on the wire.
  stream.receivedEncodedLength = Number(contentLength ?? bytes.length)
  return stream
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''))
}
