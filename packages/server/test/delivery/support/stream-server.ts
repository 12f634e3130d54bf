/** A real HTTP server whose every path is a stream: `/run-id?after=…`. Everything in it is closed after each test. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { Delivery, type DeliveryOptions, type StreamOptions, type StreamResult } from '#delivery/delivery'
import type { LogSource } from '#delivery/source'
import { endPipelined } from '#sse/pipelining'
import { type Commits, localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'
import { MemoryLog } from './memory-log.ts'

export interface StreamServer {
  url: string
  port: number
  log: MemoryLog
  delivery: Delivery
  server: Server
  results: StreamResult[]
  /** Connections on the server's side. */
  sockets: Set<Socket>
}

export interface StreamServerOptions {
  log?: MemoryLog
  /** Another store than the log in memory. */
  source?: LogSource & Commits
  delivery?: Omit<DeliveryOptions, 'store' | 'wakeups'>
  /** Others than those of the source itself. */
  wakeups?: Wakeups
  stream?: Partial<StreamOptions>
  /** Changes a response before delivery gets it, as a middleware would. */
  wrap?: (req: IncomingMessage, res: ServerResponse) => void
}

export async function startStreamServer(options: StreamServerOptions = {}): Promise<StreamServer> {
  const log = options.log ?? new MemoryLog()
  const source = options.source ?? log
  const wakeups = options.wakeups ?? new Wakeups([localWakeups(source)])
  const delivery = new Delivery({ store: source, wakeups, ...options.delivery })
  const results: StreamResult[] = []
  const server = createServer(async (req, res) => {
    if (endPipelined(req)) return
    options.wrap?.(req, res)
    const url = new URL(req.url ?? '/', 'http://localhost')
    const query = (name: string) => url.searchParams.get(name) ?? undefined
    const header = req.headers['last-event-id']
    try {
      const result = await delivery.stream({
        req,
        res,
        runId: url.pathname.slice(1),
        lastEventId: Array.isArray(header) ? header[0] : header,
        after: query('after'),
        epoch: query('epoch'),
        types: query('types')?.split(','),
        heartbeat: { intervalMs: 15_000, text: 'heartbeat' },
        compress: false,
        ownConnection: true,
        ...options.stream,
      })
      results.push(result)
      if (result.outcome === 'missing') res.writeHead(404).end()
    } catch {
      res.writeHead(503).end()
    }
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    delivery.close()
    wakeups.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, log, delivery, server, results, sockets }
}
