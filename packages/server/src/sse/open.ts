/** Sends the head of a stream's response and opens the connection that carries its body. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Connection, type ConnectionParts, type ConnectionUser, type Heartbeat } from './connection.ts'
import { GzipSink } from './gzip-sink.ts'
import { acceptsGzip, addVary, asksToClose, setStreamHeaders } from './headers.ts'
import { markStreaming } from './pipelining.ts'
import { type FlushableResponse, ResponseSink } from './response-sink.ts'
import type { Sink, SinkOwner } from './sink.ts'
import { rawSocket, SocketSink } from './socket-sink.ts'
import { refuseBytes, TakenSink } from './taken-sink.ts'
import { takeSocket } from './taken-socket.ts'

/** A peer that vanished without a word is noticed by the kernel's probes after about this long. */
const probeAfterMs = 30_000

export interface StreamHead {
  req: IncomingMessage
  res: ServerResponse
  contentType: string
  /** Compress for clients that accept gzip. */
  compress: boolean
  /** The connection is of a server of our own, and may be taken from it for as long as the stream lasts. */
  ownConnection: boolean
  heartbeat: Heartbeat
}

/** Sends the head at once and picks the way the body is written. The other headers are already set. */
export function openStream(user: ConnectionUser, parts: ConnectionParts, head: StreamHead): Connection {
  return new Connection(parts, {
    user,
    heartbeat: head.heartbeat,
    openSink: (owner) => openSink(head, owner),
    mark: () => markStreaming(head.req),
  })
}

/**
 * Opens a stream on a response that somebody else may have wrapped or even begun: its `Cache-Control`
 * stays, and every byte goes through the response.
 */
export function openThroughResponse(
  user: ConnectionUser,
  parts: ConnectionParts,
  res: FlushableResponse,
  heartbeat: Heartbeat,
): Connection {
  if (!res.headersSent) {
    setStreamHeaders(res.req, res)
    if (!res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'no-cache, no-transform')
    res.flushHeaders()
  }
  res.flush?.()
  tuneSocket(res.req, res)
  return new Connection(parts, {
    user,
    heartbeat,
    openSink: (owner) => new ResponseSink(res, owner),
    mark: () => markStreaming(res.req),
  })
}

function openSink({ req, res, contentType, compress, ownConnection }: StreamHead, owner: SinkOwner): Sink {
  const gzip = compress && acceptsGzip(req) && !res.hasHeader('Content-Encoding')
  setStreamHeaders(req, res, contentType)
  if (compress) addVary(res, 'Accept-Encoding')
  if (gzip) res.setHeader('Content-Encoding', 'gzip')
  res.statusCode = 200
  res.flushHeaders()
  tuneSocket(req, res)
  if (gzip) return new GzipSink(res, owner)
  const socket = rawSocket(req, res)
  if (socket === null) return new ResponseSink(res, owner)
  const closes = asksToClose(req)
  if (ownConnection && takeSocket(req, res, socket, refuseBytes)) return new TakenSink(socket, owner, closes)
  return new SocketSink(res, socket, owner)
}

function tuneSocket(req: IncomingMessage | undefined, res: ServerResponse): void {
  const socket = res.socket
  // HTTP/2 shows a stand-in that refuses this: one connection carries many streams.
  if ((req !== undefined && req.httpVersionMajor >= 2) || !(socket instanceof Socket)) return
  socket.setNoDelay(true)
  socket.setTimeout(0)
  socket.setKeepAlive(true, probeAfterMs)
}
