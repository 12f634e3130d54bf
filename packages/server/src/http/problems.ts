/** Answers every failure of a route in the shape of its face: RFC 9457 by default. */
import { type ErrorCode, MillraceError } from '@millrace/protocol'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { problemDetails } from './refusals.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts refusals and failures by code, on every face. */
    countRejection?: (code: ErrorCode) => void
  }
}

const codeOfStatus: Partial<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  431: 'headers_too_large',
}

/** Translates any failure into our own words. Nothing of an unexpected error reaches the outside. */
export function toMillraceError(error: FastifyError | MillraceError | Error): MillraceError {
  if (error instanceof MillraceError) return error
  const status = 'statusCode' in error ? error.statusCode : undefined
  const code = status === undefined ? undefined : codeOfStatus[status]
  if (code !== undefined) return new MillraceError(code, error.message)
  return new MillraceError('internal', 'Something failed inside the server; see its log', {
    cause: error,
  })
}

/** Records a failure for the operator: in a count, in the request's log line, and in a line of its own where it is our fault. */
function logFailure(error: MillraceError, request: FastifyRequest): void {
  request.refusal = error.code
  request.server.countRejection?.(error.code)
  // A full quota is a 507, and the caller's own doing.
  if (error.status >= 500 && error.code !== 'quota_exceeded')
    request.log.error({ err: error.cause ?? error }, 'a request failed')
}

export function sendRefusal(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toMillraceError(error)
  // An address that cannot be read belongs to no route.
  const shape = request.routeOptions.config?.refusals ?? problemDetails
  logFailure(known, request)
  if (known.retryAfter !== undefined) reply.header('Retry-After', String(Math.ceil(known.retryAfter)))
  if (known.code === 'unauthenticated') reply.header('WWW-Authenticate', 'Bearer realm="millrace"')
  return reply
    .code(shape.status(known.code))
    .type(`${shape.contentType}; charset=utf-8`)
    .serializer(JSON.stringify)
    .send(shape.body(known))
}
