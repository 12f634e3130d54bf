/**
 * A TCP proxy in front of a server: counts the requests that pass, and cuts connections on demand.
 *
 * Owns both sockets of every connection. Reads requests without bodies only, which is all that a
 * follower sends.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface SeenRequest {
  method: string
  path: string
  lastEventId: string | undefined
}

export interface CountingProxy {
  url: string
  /** The requests for a path so far. */
  requests: (path: string) => SeenRequest[]
  /** Breaks every connection, as a network does. */
  cut: () => void
  close: () => Promise<void>
}

export async function startProxy(target: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(target)
  const seen: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    let head = ''
    client.on('data', (chunk: Buffer) => {
      const requests = (head + chunk.toString('latin1')).split('\r\n\r\n')
      head = requests.pop() ?? ''
      seen.push(...requests.map(readHead))
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: (path) => seen.filter((request) => request.path === path),
    cut,
    close: async () => {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}

function readHead(head: string): SeenRequest {
  const [method = '', path = ''] = head.split(' ', 2)
  return { method, path, lastEventId: /^last-event-id: *(.*)$/im.exec(head)?.[1] }
}
