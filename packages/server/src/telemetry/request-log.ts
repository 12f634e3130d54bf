/**
 * The server's own log of requests: one line each, and two for a stream, at its start and its end.
 * Never an address, a header or a body: a route is named by its pattern.
 *
 * Owns what is remembered of a request until its connection lets go of it. Invariant: a request
 * whose connection was its own has exactly one last line, whether it was answered, dropped, or its client left.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ErrorCode } from '@millrace/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { whenOver } from '#sse/sink'
import type { Answered } from '#telemetry/metrics/http-metrics'

declare module 'fastify' {
  interface FastifyRequest {
    /** Why it was refused, for its line in the log. */
    refusal?: ErrorCode
  }
}

/** What a line says of a stream, besides what the line of every request says. */
export type StreamFacts = Record<string, string | number | undefined>

/** Requests whose lines are for `debug`. */
const quiet = new WeakSet<IncomingMessage>()

/** What the last line of a stream says. */
const streams = new WeakMap<IncomingMessage, () => StreamFacts>()

/** At which level requests are logged. */
export type RequestLevel = 'info' | 'debug'

/** What a client may call its request; a longer or odder name is not adopted. */
const saneId = /^[A-Za-z0-9][A-Za-z0-9._:-]{7,63}$/
// As nginx has them: the client left before it had an answer; we hung up without one.
const clientLeft = 499
const hungUp = 444

/** Names requests: as a trusted proxy named them, otherwise anew. */
export function requestNames(trustProxy: boolean): (request: IncomingMessage) => string {
  return (request) => {
    const given = request.headers['x-request-id']
    return trustProxy && typeof given === 'string' && saneId.test(given) ? given : randomUUID()
  }
}

/**
 * Logs every request of an application, and reports each one that was no stream. With `level: 'debug'`, its lines are
 * for who looks for them.
 */
export function logRequests(
  app: FastifyInstance,
  identityOf: (request: FastifyRequest) => { user: string } | undefined,
  onAnswered: (answered: Answered) => void,
  level: RequestLevel = 'info',
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = performance.now()
    if (level === 'debug') quiet.add(request.raw)
    const sentBefore = request.raw.socket.bytesWritten ?? 0
    // On Node's own response, so that a stream written past Fastify has it too.
    reply.raw.setHeader('X-Request-Id', request.id)
    whenOver(reply.raw, () => {
      const ms = performance.now() - startedAt
      const factsAtEnd = streams.get(request.raw)
      const line = {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: statusOf(reply),
        ms: Math.round(ms),
        user: identityOf(request)?.user,
        ...(request.refusal === undefined ? {} : { code: request.refusal }),
      }
      if (factsAtEnd !== undefined) {
        const bytes = (request.raw.socket.bytesWritten ?? 0) - sentBefore
        request.log[level]({ ...line, ...factsAtEnd(), bytes }, 'stream ended')
        return
      }
      request.log[level](line, 'request')
      if (isEventStream(reply)) return
      onAnswered({ method: line.method, route: line.route, status: line.status, seconds: ms / 1000 })
    })
    done()
  })
}

/** Writes the first of a stream's two lines; `factsAtEnd` gives what the other one says. */
export function logStream(request: FastifyRequest, facts: StreamFacts, factsAtEnd: () => StreamFacts): void {
  streams.set(request.raw, factsAtEnd)
  const level = quiet.has(request.raw) ? 'debug' : 'info'
  request.log[level]({ route: request.routeOptions.url, ...facts }, 'stream opened')
}

function statusOf(reply: FastifyReply): number {
  if (reply.raw.headersSent) return reply.raw.statusCode
  return reply.sent ? hungUp : clientLeft
}

function isEventStream(reply: FastifyReply): boolean {
  return String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream')
}
