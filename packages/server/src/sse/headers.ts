/** The headers of a stream (docs/protocol.md). */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { LogBounds } from '@millrace/protocol'

export const eventStreamType = 'text/event-stream'

/** Puts the headers of plugins on the response; headers set earlier stay unless named again. */
export function mergeHeaders(res: ServerResponse, headers: OutgoingHttpHeaders | undefined): void {
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) res.setHeader(name, value)
  }
}

/** Sets what a stream of a log says of the log, and that no cache may keep it. */
export function setLogHeaders(res: ServerResponse, bounds: Pick<LogBounds, 'epoch' | 'head'>): void {
  res.setHeader('Millrace-Epoch', bounds.epoch)
  res.setHeader('Millrace-Head', String(bounds.head))
  res.setHeader('Cache-Control', 'no-cache, no-transform')
  res.setHeader('X-Content-Type-Options', 'nosniff')
}

/** Sets what every event stream needs, whoever writes it. Leaves `Cache-Control` alone. */
export function setStreamHeaders(
  req: IncomingMessage | undefined,
  res: ServerResponse,
  contentType = eventStreamType,
): void {
  res.setHeader('Content-Type', contentType)
  res.setHeader('X-Accel-Buffering', 'no')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.removeHeader('Content-Length')
  // HTTP/2 forbids the field; a 1.0 client sees the end of the stream by the end of the connection.
  if (req !== undefined && req.httpVersionMajor >= 2) return
  const old = req?.httpVersionMajor === 1 && req.httpVersionMinor === 0
  res.setHeader('Connection', old ? 'close' : 'keep-alive')
  // The header is the same for every client; one that asked for it still gets the connection closed
  // after the stream, as RFC 9112 section 9.6 demands.
  if (req !== undefined && asksToClose(req)) res.once('finish', () => req.socket.end())
}

export function asksToClose(req: IncomingMessage): boolean {
  return /(?:^|,)\s*close\s*(?:,|$)/i.test(req.headers.connection ?? '')
}

export function addVary(res: ServerResponse, field: string): void {
  const present = String(res.getHeader('Vary') ?? '')
  const fields = present.split(',').map((name) => name.trim().toLowerCase())
  if (fields.includes('*') || fields.includes(field.toLowerCase())) return
  res.setHeader('Vary', present === '' ? field : `${present}, ${field}`)
}

/** True when the client takes gzip. RFC 9110 section 12.5.3: a coding is acceptable unless its weight is 0. */
export function acceptsGzip(req: IncomingMessage): boolean {
  let any = false
  for (const entry of String(req.headers['accept-encoding'] ?? '').split(',')) {
    const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    const acceptable = weight === undefined || Number(weight.slice(2)) > 0
    if (coding === 'gzip' || coding === 'x-gzip') return acceptable
    if (coding === '*') any = acceptable
  }
  return any
}
