/**
 * The server's own log of requests: one line each, and two for a stream, at its start and its end.
 * Never an address, a header or a body: a route is named by its pattern.
 *
 * Owns what is remembered of a request until its connection lets go of it. Invariant: a request
 * whose connection was its own has exactly one last line, whether it was answered, dropped, or its client left.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
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

/** What the last line of a request is made of, besides what its answer says. */
interface Begun {
  level: RequestLevel
  startedAt: number
  /** What its connection had sent before. */
  sentBefore: number
}

const begun = new WeakMap<IncomingMessage, Begun>()

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
    const sentBefore = request.raw.socket.bytesWritten ?? 0
    begun.set(request.raw, { level, startedAt, sentBefore })
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

/** A stream, which may have taken its connection away from the response: then it alone knows its end. */
interface LoggedStream {
  detached: boolean
  closed: Promise<void>
}

/** Writes the first of a stream's two lines; `factsAtEnd` gives what the other one says. */
export function logStream(
  request: FastifyRequest,
  facts: StreamFacts,
  factsAtEnd: () => StreamFacts,
  stream: LoggedStream,
): void {
  const { raw, log, method } = request
  const route = request.routeOptions.url
  const { level, startedAt, sentBefore } = begun.get(raw) ?? { level: 'info', startedAt: 0, sentBefore: 0 }
  log[level]({ route, ...facts }, 'stream opened')
  if (stream.detached) {
    logDetached(
      { log, socket: raw.socket, method, route, level, startedAt, sentBefore, factsAtEnd },
      stream.closed,
    )
  } else streams.set(raw, factsAtEnd)
}

interface DetachedStream extends Begun, Pick<FastifyRequest, 'log' | 'method'> {
  socket: Socket
  route: string | undefined
  factsAtEnd: () => StreamFacts
}

/** Apart, so that it holds nothing else of the request, which may be gone while the stream lasts. */
function logDetached(stream: DetachedStream, closed: Promise<void>): void {
  void closed.then(() => {
    const { log, socket, method, route, level, startedAt, sentBefore, factsAtEnd } = stream
    const ms = Math.round(performance.now() - startedAt)
    const bytes = socket.bytesWritten - sentBefore
    log[level]({ method, route, status: 200, ms, user: undefined, ...factsAtEnd(), bytes }, 'stream ended')
  })
}

function statusOf(reply: FastifyReply): number {
  if (reply.raw.headersSent) return reply.raw.statusCode
  return reply.sent ? hungUp : clientLeft
}

function isEventStream(reply: FastifyReply): boolean {
  return String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream')
}
