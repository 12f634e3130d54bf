/** What went wrong before there was a request: the parser refused it, or it never came to its end. */
import type { Socket } from 'node:net'
import { type ErrorCode, MillraceError, toProblem } from '@millrace/protocol'

const codes: Record<string, [ErrorCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request took too long to arrive'],
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The header fields are larger than 16 KiB'],
}

/** Answers on the bare socket, and ends the connection. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [code, message] = codes[error.code ?? ''] ?? ['invalid_request', 'This is not an HTTP request']
  const known = new MillraceError(code, message)
  const problem = toProblem(known)
  if (socket.writable) {
    const body = JSON.stringify(problem)
    const head = [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroySoon()
}
