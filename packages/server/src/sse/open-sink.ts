/** Sends the head of a stream's response and picks the way its body is written. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { GzipSink } from './gzip-sink.ts'
import { acceptsGzip, addVary, setStreamHeaders } from './headers.ts'
import { ResponseSink } from './response-sink.ts'
import type { Sink, SinkEvents } from './sink.ts'
import { rawSocket, SocketSink } from './socket-sink.ts'

/** A peer that vanished without a word is noticed by the kernel's probes after about this long. */
const probeAfterMs = 30_000

export function openSink(
  req: IncomingMessage,
  res: ServerResponse,
  options: { compress: boolean },
  events: SinkEvents,
): Sink {
  const gzip = options.compress && acceptsGzip(req) && !res.hasHeader('Content-Encoding')
  setStreamHeaders(req, res)
  if (options.compress) addVary(res, 'Accept-Encoding')
  if (gzip) res.setHeader('Content-Encoding', 'gzip')
  res.statusCode = 200
  res.flushHeaders()
  tuneSocket(req, res)
  if (gzip) return new GzipSink(res, events)
  const socket = rawSocket(req, res)
  return socket === null ? new ResponseSink(res, events) : new SocketSink(res, socket, events)
}

export function tuneSocket(req: IncomingMessage | undefined, res: ServerResponse): void {
  const socket = res.socket
  // HTTP/2 shows a stand-in that refuses this: one connection carries many streams.
  if ((req !== undefined && req.httpVersionMajor >= 2) || !(socket instanceof Socket)) return
  socket.setNoDelay(true)
  socket.setTimeout(0)
  socket.setKeepAlive(true, probeAfterMs)
}
