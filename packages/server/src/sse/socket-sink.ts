/**
 * Writes whole HTTP/1.1 chunks straight to the socket, past the response: the chunk framing is part
 * of the shared batch, so a thousand followers cost a thousand `write` calls and nothing else.
 *
 * Allowed only while the response has nothing of its own to send between its headers and its end,
 * which `rawSocket` decides. The end goes through the response, so that keep-alive works on.
 */
import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Chunk } from './chunk.ts'
import { type Sink, type SinkEvents, whenOver } from './sink.ts'

/** The socket to write to, or null where only the response knows how its bytes reach the client. */
export function rawSocket(req: IncomingMessage, res: ServerResponse): Socket | null {
  const socket = res.socket
  const plain =
    req.httpVersionMajor === 1 &&
    req.httpVersionMinor >= 1 &&
    res instanceof ServerResponse &&
    // A middleware that wraps the response wants to see what is written.
    res.write === ServerResponse.prototype.write &&
    res.end === ServerResponse.prototype.end &&
    res.headersSent &&
    res.chunkedEncoding &&
    !res.hasHeader('Content-Encoding')
  if (!plain || !(socket instanceof Socket) || socket instanceof TLSSocket) return null
  // A response that waits behind another one on its connection has no socket, or bytes still queued.
  return socket === req.socket && !socket.destroyed && res.writableLength === 0 ? socket : null
}

export class SocketSink implements Sink {
  readonly #res: ServerResponse
  readonly #socket: Socket
  readonly #drained: () => void
  #backedUp = false

  constructor(res: ServerResponse, socket: Socket, events: SinkEvents) {
    this.#res = res
    this.#socket = socket
    this.#drained = () => {
      if (!this.#backedUp) return
      this.#backedUp = false
      events.drained()
    }
    socket.on('drain', this.#drained)
    res.on('error', () => {})
    whenOver(res, () => {
      this.#release()
      events.closed()
    })
  }

  get backedUp(): boolean {
    return this.#backedUp
  }

  write(chunk: Chunk): void {
    if (!this.#socket.write(chunk.chunked)) this.#backedUp = true
  }

  end(): void {
    this.#release()
    this.#res.end()
  }

  destroy(): void {
    this.#release()
    this.#socket.destroy()
  }

  /** The socket may outlive the stream and carry the next request. */
  #release(): void {
    this.#socket.off('drain', this.#drained)
  }
}
