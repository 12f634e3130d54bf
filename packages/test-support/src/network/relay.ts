/** A proxy on loopback that a test makes fail, between a program and what it talks to. */
import { connect, createServer, type Socket } from 'node:net'

export interface Relay {
  port: number
  close(): Promise<void>
}

export interface RelayParts {
  /** The port behind it, as of each connection. */
  to: number | (() => number)
  /** Of each piece, in either direction: pass it on, swallow it, or swallow it and cut the connection. */
  onData(data: Buffer): 'pass' | 'drop' | 'cut'
  /** Whether the other side learns that this one has closed. Default: always. */
  tellsClose?(): boolean
}

export async function openRelay({ to, onData, tellsClose = () => true }: RelayParts): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(typeof to === 'number' ? to : to(), '127.0.0.1')
    for (const [from, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => {
        const verdict = onData(data)
        if (verdict === 'pass') other.write(data)
        if (verdict === 'cut') from.destroy()
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        if (tellsClose()) other.destroy()
      })
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}
