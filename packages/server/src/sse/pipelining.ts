/** Requests that come behind a stream on its connection. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** Knows which connections carry a stream. */
export class PipeliningGuard {
  readonly #carrying = new WeakSet<Socket>()

  /** Returns what says that the stream on this connection is over. */
  carry(socket: Socket): () => void {
    this.#carrying.add(socket)
    return () => void this.#carrying.delete(socket)
  }

  /**
   * True when the request came on a connection that is carrying a stream: it was pipelined, could
   * only be answered after the stream, and has ended the connection. Do not answer it.
   */
  ends(req: IncomingMessage): boolean {
    if (req.httpVersionMajor >= 2 || !this.#carrying.has(req.socket)) return false
    req.socket.destroy()
    return true
  }
}
