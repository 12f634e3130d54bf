/**
 * Answers failures that precede routing: the parser refused the request, it never arrived in full, or
 * its address cannot be read. No hook has run by then, so the headers of every answer are set here.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, MillraceError, toProblem } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkHost } from './guard.ts'
import { sendRefusal } from './problems.ts'

const codes: Record<string, [ErrorCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request took too long to arrive'],
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The header fields are larger than 16 KiB'],
}

const securityHeaders = {
  'Content-Security-Policy': "default-src 'none';frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** Answers on the bare socket, and ends the connection. Returns the code of the answer; null without one. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): ErrorCode | null {
  if (error.code === 'ECONNRESET' || socket.destroyed) return null
  // Within an answer that has begun, such as a stream, a second one would be read as its content.
  if (!socket.writable || hasBegun(socket)) {
    socket.destroy()
    return null
  }
  const [code, message] = codes[error.code ?? ''] ?? ['invalid_request', 'This is not an HTTP request']
  const problem = toProblem(new MillraceError(code, message))
  const body = JSON.stringify(problem)
  const fields = {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
    ...securityHeaders,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  socket.write(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
  return code
}

/** Node's own handler reads the same field. */
function hasBegun(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent ?? false
}

/** Answers a request whose address cannot be read: it never reaches the hooks. */
export function answerUnreadable(hosts: readonly string[]) {
  return (_error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    reply.headers(securityHeaders)
    let known = new MillraceError('invalid_request', 'The address cannot be read')
    try {
      checkHost(request, hosts)
    } catch (error) {
      if (error instanceof MillraceError) known = error
    }
    sendRefusal(known, request, reply)
  }
}
