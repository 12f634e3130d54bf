/**
 * Requests that arrive behind a stream on the same HTTP/1.1 connection.
 *
 * Owns one mark per connection that carries a stream, for the whole process: a socket is unique, and so
 * is the answer. A mark keeps no socket alive.
 */
import type { IncomingMessage } from 'node:http'

const carrying = new WeakSet<object>()

/** Marks the request's connection as carrying a stream. Returns what takes the mark off. */
export function markStreaming(req: IncomingMessage | undefined): () => void {
  // An HTTP/2 connection carries many streams, each with its own stand-in for a socket.
  if (req === undefined || req.httpVersionMajor >= 2) return () => {}
  const { socket } = req
  carrying.add(socket)
  return () => void carrying.delete(socket)
}

/**
 * True when the request was pipelined behind a stream: it could only be answered after the stream, and
 * this call has ended the connection. Do not answer it.
 */
export function endPipelined(req: IncomingMessage): boolean {
  if (req.httpVersionMajor >= 2 || !carrying.has(req.socket)) return false
  req.socket.destroy()
  return true
}
