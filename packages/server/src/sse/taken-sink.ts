/**
 * Writes whole HTTP/1.1 chunks to a socket that was taken from the HTTP server (`taken-socket.ts`), and ends the body
 * itself. Owns the socket until the body is over: then the connection is the server's again, unless the client asked to
 * have it closed.
 */
import type { Socket } from 'node:net'
import type { Chunk } from './chunk.ts'
import type { Sink, SinkOwner } from './sink.ts'
import { forgetSocket, giveSocketBack } from './taken-socket.ts'

/** RFC 9112 section 7.1: what ends a chunked body. */
const lastChunk = Buffer.from('0\r\n\r\n')

export class TakenSink implements Sink {
  readonly detached = true
  readonly #socket: Socket
  readonly #owner: SinkOwner
  readonly #closes: boolean
  #over = false

  /** `closes`: the connection is closed after the stream. `onBytes` must be what the socket was taken with. */
  constructor(socket: Socket, owner: SinkOwner, closes: boolean) {
    this.#socket = socket
    this.#owner = owner
    this.#closes = closes
    socket.on('drain', this.#drained)
    socket.on('end', this.#clientLeft)
    socket.on('close', this.#gone)
    // Of a connection that is gone; without a listener it would be an uncaught one.
    socket.on('error', ignore)
  }

  write(chunk: Chunk): boolean {
    return this.#socket.write(chunk.chunked)
  }

  end(): void {
    const socket = this.#socket
    socket.off('drain', this.#drained)
    // A next request that arrives before the end of this body was sent waits in the system.
    socket.pause()
    socket.write(lastChunk, () => {
      if (this.#over) return
      this.#gone()
      if (this.#closes) socket.destroySoon()
      else this.#giveBack()
    })
  }

  destroy(): void {
    this.#socket.off('drain', this.#drained)
    this.#socket.destroy()
  }

  readonly #drained = (): void => this.#owner.drained()

  /** Half of a connection is of no use to a stream: Node's HTTP server ends it as well. */
  readonly #clientLeft = (): void => {
    this.#socket.end()
  }

  readonly #gone = (): void => {
    if (this.#over) return
    this.#over = true
    forgetSocket(this.#socket)
    this.#owner.over()
  }

  #giveBack(): void {
    const socket = this.#socket
    socket.off('end', this.#clientLeft)
    socket.off('close', this.#gone)
    socket.off('error', ignore)
    socket.off('data', refuseBytes)
    giveSocketBack(socket)
  }
}

function ignore(): void {}

/** A request behind a stream could only be answered after it: the connection ends, and the client asks again. */
export function refuseBytes(this: Socket): void {
  this.destroy()
}
