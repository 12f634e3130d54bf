/**
 * Writes whole HTTP/1.1 chunks straight to the socket, past the response: the chunk framing is part
 * of the shared batch, so a thousand followers cost a thousand `write` calls and nothing else.
 *
 * Allowed only while the response has nothing of its own to send between its headers and its end,
 * which `rawSocket` decides. The end goes through the response, so that keep-alive still works.
 */
import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Chunk } from './chunk.ts'
import { report, type Sink, type SinkOwner } from './sink.ts'

/** Returns the socket to write to, or null where only the response knows how its bytes reach the client. */
export function rawSocket(req: IncomingMessage, res: ServerResponse): Socket | null {
  const socket = res.socket
  const plain =
    req.httpVersionMajor === 1 &&
    req.httpVersionMinor >= 1 &&
    res instanceof ServerResponse &&
    // A middleware that wraps the response must see every write.
    res.write === ServerResponse.prototype.write &&
    res.end === ServerResponse.prototype.end &&
    res.headersSent &&
    res.chunkedEncoding &&
    !res.hasHeader('Content-Encoding')
  if (!plain || !(socket instanceof Socket) || socket instanceof TLSSocket) return null
  // A response that waits behind another one on its connection has no socket, or still has bytes queued.
  return socket === req.socket && !socket.destroyed && res.writableLength === 0 ? socket : null
}

export class SocketSink implements Sink {
  readonly #res: ServerResponse
  readonly #socket: Socket
  readonly #release: () => void

  constructor(res: ServerResponse, socket: Socket, owner: SinkOwner) {
    this.#res = res
    this.#socket = socket
    this.#release = report(socket, res, owner)
  }

  write(chunk: Chunk): boolean {
    return this.#socket.write(chunk.chunked)
  }

  end(): void {
    this.#release()
    this.#res.end()
  }

  destroy(): void {
    this.#release()
    this.#socket.destroy()
  }
}
