/**
 * Releases the heads of a request and its response once the response's head has been sent. Node keeps
 * both for as long as the response lives, which for a stream is hours: a quarter of an idle follower's
 * heap (bench/README.md).
 *
 * Only for connections of our own server: a host application may still read a header when the stream
 * ends. Node offers no call for all of it. Should its internal names change, the heads are simply kept.
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The property in which a response keeps the headers that were set on it. */
const storedHeaders = Object.getOwnPropertySymbols(
  new ServerResponse(new IncomingMessage(new Socket())),
).find((symbol) => symbol.description === 'kOutHeaders')
/** Node only tests whether there is a head; what was sent is no longer needed. */
const sentHead = 'HTTP/1.1 200 OK\r\n\r\n'

interface StoredHead {
  _header?: unknown
  [storedHeaders: symbol]: unknown
}

/** The decorator of a Fastify server on which no host application reads connections. */
export const ownConnections = 'millraceOwnsConnections'

/** True when the request came to a server of our own. */
export function ownsConnection(request: FastifyRequest): boolean {
  return request.server.hasDecorator(ownConnections)
}

/** Forgets the heads of an answered request where the connection is our own. */
export function forgetOwnHead(request: FastifyRequest, reply: FastifyReply): void {
  if (ownsConnection(request)) forgetHead(request.raw, reply.raw)
}

/** Does nothing before the head is sent. Afterwards neither object holds a header. */
export function forgetHead(request: IncomingMessage, response: ServerResponse): void {
  if (!response.headersSent) return
  request.headers = {}
  request.rawHeaders = []
  const stored = response as ServerResponse & StoredHead
  if (storedHeaders !== undefined && storedHeaders in stored) stored[storedHeaders] = null
  if (typeof stored._header === 'string') stored._header = sentHead
}
