/**
 * Forwards one request of the gateway to the API, and its answer back. Invariants: bytes pass unchanged, and no faster
 * than the other side reads them; a broken answer never looks whole.
 */
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline, Transform } from 'node:stream'
import { forwardedHeaders, returnedHeaders } from './headers.ts'
import type { Vendor } from './vendors/vendor.ts'
import type { Way } from './way.ts'

/** A body that was read before it is forwarded, and a reader of the answer. */
export interface Metered {
  body: Buffer
  answered(answer: IncomingMessage): (piece: Buffer) => void
}

/** Returns the request to the API, which may still fail; null if it was refused. */
export function pass(
  request: IncomingMessage,
  response: ServerResponse,
  way: Way,
  metered?: Metered,
): ClientRequest | null {
  const { base, apiKey, vendor } = way
  const headers = forwardedHeaders(request, way)
  const outgoing = requestTo(way, request, metered === undefined ? headers : framed(headers, metered.body))
  if (outgoing === null) {
    refuse(response, vendor, 400, 'invalid_request_error', 'the request cannot be forwarded')
    return null
  }
  const unreachable = (error?: NodeJS.ErrnoException) => {
    if (response.headersSent || response.destroyed) return
    const why = error === undefined ? 'it gave no answer' : (error.code ?? 'the connection broke')
    refuse(response, vendor, 502, 'api_error', `the model's API at ${base.host} cannot be reached: ${why}`)
  }
  // Not a pipeline: if the API refuses a body before it has read all of it, a pipeline would cut the
  // session's connection, and with it the answer that says why.
  if (metered === undefined) request.pipe(outgoing)
  else outgoing.end(metered.body)
  request.on('error', () => {})
  outgoing.on('error', unreachable)
  outgoing.on('upgrade', (_answer, socket) => socket.destroy())
  outgoing.on('close', () => {
    request.unpipe(outgoing)
    request.resume()
    unreachable()
  })
  let answer: IncomingMessage | undefined
  outgoing.on('response', (arrived) => {
    answer = arrived
    giveBack(arrived, response, apiKey, unreachable, metered?.answered(arrived))
  })
  response.on('close', () => {
    if (!request.complete || answer?.complete !== true) outgoing.destroy()
  })
  return outgoing
}

/** Null: the target or a header has characters that Node accepts but does not send. */
export function requestTo(
  { base, agent }: Way,
  { method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>,
  headers: Record<string, string | string[]>,
): ClientRequest | null {
  try {
    return (base.protocol === 'https:' ? httpsRequest : httpRequest)({
      // A URL has brackets around an IPv6 address; a socket's address has none.
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      path: base.pathname.replace(/\/+$/, '') + url,
      method,
      agent,
      headers,
    })
  } catch {
    return null
  }
}

/** The fields of a request with this body, which no reader takes for anything but JSON, and whose answer can be read. */
export function framed(
  { 'transfer-encoding': _chunked, 'accept-encoding': _any, ...headers }: Record<string, string | string[]>,
  body: Buffer,
): Record<string, string | string[]> {
  return {
    ...headers,
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    'content-length': String(body.length),
  }
}

function giveBack(
  answer: IncomingMessage,
  response: ServerResponse,
  apiKey: string | undefined,
  unreachable: () => void,
  read: ((piece: Buffer) => void) | undefined,
): void {
  response.sendDate = false
  try {
    response.writeHead(answer.statusCode ?? 502, returnedHeaders(answer, apiKey))
  } catch {
    // The status or a header is one that Node accepts but does not send.
    answer.destroy()
    unreachable()
    return
  }
  response.flushHeaders()
  // A broken answer destroys the response, and with it the connection: a cut, not an end.
  if (read === undefined) pipeline(answer, response, () => {})
  else pipeline(answer, reading(read), response, () => {})
}

function reading(read: (piece: Buffer) => void): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      read(piece)
      done(null, piece)
    },
  })
}

/** Refuses in the shape of the API's own errors. Does not wait for the rest of the request's body. */
export function refuse(
  response: ServerResponse,
  vendor: Pick<Vendor, 'refusal'>,
  status: number,
  type: string,
  message: string,
): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(vendor.refusal(status, type, message)))
}
