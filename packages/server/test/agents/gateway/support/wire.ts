/** Ends of real connections, to read and write bytes that ordinary HTTP clients and servers do not. */
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface RawServer {
  port: number
  /** Every byte received, on all connections. */
  received(): Buffer
  connections(): readonly Socket[]
  close(): Promise<void>
}

/** A server that answers with the test's bytes, well-formed or not. */
export async function rawServer(onData: (socket: Socket, all: Buffer) => void): Promise<RawServer> {
  const sockets: Socket[] = []
  const received: Buffer[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let all = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk)
      all = Buffer.concat([all, chunk])
      onData(socket, all)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(received),
    connections: () => sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Conversation {
  /** Resolves when this has been received; rejects when the connection closed before. */
  says(text: string): Promise<void>
  /** All bytes received until the connection closed. */
  over: Promise<string>
}

/** Sends exactly these bytes. */
export function conversation(url: string, sent: string | Buffer): Conversation {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  const heard = () => Buffer.concat(chunks).toString('latin1')
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  const over = once(socket, 'close').then(heard)
  socket.write(sent)
  return {
    over,
    says: async (text) => {
      while (!heard().includes(text)) {
        if (socket.closed) throw new Error(`closed without ${text}`)
        await Promise.race([once(socket, 'data'), over])
      }
    },
  }
}

/** Sends exactly these bytes; resolves with all bytes received until the connection closed. */
export function exchange(url: string, sent: string | Buffer): Promise<string> {
  return conversation(url, sent).over
}
