/**
 * The way out of a run whose network is filtered.
 *
 * The run has a network namespace of its own, in which nothing leads anywhere. On one port of its loopback interface
 * the server answers as an HTTP proxy, on others it passes connections on to services of the host that the run may use.
 * Both listen on sockets that the launcher made inside (`launcher/listen.h`).
 *
 * Owns: the listening sockets of one run, and all connections in both directions, until `close()`.
 * Invariants: a name is looked up only if the rules allow it, and the connection goes to an address that was judged,
 * never to the name again; at most `connectionsMax` connections at a time.
 */
import type { LookupAddress } from 'node:dns'
import { lookup as lookupName } from 'node:dns/promises'
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http'
import { connect, isIP, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Destination, type NetworkAccess, parseDestination, Rules } from './access.ts'
import { connectThrough, upstreamFor } from './upstream.ts'

/** The port of the proxy inside. */
export const proxyPort = 47_811

export interface EgressOptions {
  access: NetworkAccess
  /** Variables that name the server's own proxy. */
  proxyEnv: NodeJS.ProcessEnv
  lookup?: (host: string) => Promise<LookupAddress[]>
}

const connectionsMax = 512
const connectMs = 30_000

/** The variables that lead programs to the proxy. */
export function proxyVariables(): Record<string, string> {
  const proxy = `http://127.0.0.1:${proxyPort}`
  const direct = 'localhost,127.0.0.1,::1'
  const named = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy, NO_PROXY: direct }
  const lower = Object.entries(named).map(([name, value]) => [name.toLowerCase(), value])
  // Node.js obeys the others only if this says so.
  return { ...named, ...Object.fromEntries(lower), NODE_USE_ENV_PROXY: '1' }
}

export class Egress {
  readonly #rules: Rules
  readonly #proxyEnv: NodeJS.ProcessEnv
  readonly #lookup: (host: string) => Promise<LookupAddress[]>
  readonly #listening: Server[] = []
  readonly #sockets = new Set<Duplex>()
  readonly #http: HttpServer
  #isClosed = false

  constructor({ access, proxyEnv, lookup = (host) => lookupName(host, { all: true }) }: EgressOptions) {
    this.#rules = new Rules(access)
    this.#proxyEnv = proxyEnv
    this.#lookup = lookup
    this.#http = createServer((request, response) => this.#forward(request, response))
    this.#http.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#tunnel(request, socket, head)
    })
    this.#http.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Takes a socket that listens inside the run, on the proxy's port or on that of a service of the host. */
  serve(port: number, server: Server): void {
    if (this.#isClosed) {
      server.close()
      return
    }
    this.#listening.push(server)
    server.maxConnections = connectionsMax
    server.on('error', () => {})
    // Set before the first connection: a service may answer after its client has said everything.
    Object.assign(server, { allowHalfOpen: true })
    server.on('connection', (socket) => {
      if (!this.#keep(socket)) return
      if (port === proxyPort) this.#http.emit('connection', socket)
      else this.#join(socket, connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
    })
  }

  close(): void {
    this.#isClosed = true
    for (const server of this.#listening) server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#http.closeAllConnections()
  }

  #keep(socket: Duplex): boolean {
    socket.on('error', () => socket.destroy())
    if (this.#isClosed || this.#sockets.size >= connectionsMax * 2) {
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return true
  }

  #join(inside: Duplex, outside: Socket): void {
    if (!this.#keep(outside)) {
      inside.destroy()
      return
    }
    inside.pipe(outside)
    outside.pipe(inside)
    inside.once('close', () => outside.destroy())
    outside.once('close', () => inside.destroy())
  }

  async #tunnel(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    const destination = parseDestination(request.url ?? '')
    const outside =
      destination === null ? refused('it is no host and port') : await this.#connect(destination)
    if ('reason' in outside) {
      socket.end(
        `HTTP/1.1 ${outside.status} Refused\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${messageFor(request.url, outside.reason)}`,
      )
      return
    }
    if (this.#isClosed || socket.destroyed) {
      outside.socket.destroy()
      socket.destroy()
      return
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) outside.socket.write(head)
    this.#join(socket, outside.socket)
  }

  /** A request for `http://host/path`, without a tunnel. */
  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : null
    const destination =
      url?.protocol === 'http:'
        ? parseDestination(`${url.hostname}:${url.port === '' ? 80 : url.port}`)
        : null
    const outside =
      url === null || destination === null
        ? refused('it is no http address')
        : await this.#connect(destination)
    if (url === null || 'reason' in outside) {
      const { status, reason } = 'reason' in outside ? outside : refused('it is no http address')
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' })
      response.end(messageFor(request.url, reason))
      return
    }
    const { 'proxy-connection': _, 'proxy-authorization': __, ...headers } = request.headers
    const passed = requestHttp(
      {
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: { ...headers, host: url.host, connection: 'close' },
        createConnection: () => outside.socket,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    passed.on('error', () => response.destroy())
    response.on('close', () => outside.socket.destroy())
    this.#keep(outside.socket)
    request.pipe(passed)
  }

  async #connect(destination: Destination): Promise<{ socket: Socket } | Refused> {
    if (!this.#rules.allowsName(destination)) return refused('the run may not reach it')
    const upstream = upstreamFor(destination, this.#proxyEnv)
    try {
      if (upstream !== null) return { socket: await connectThrough(upstream, destination, connectMs) }
      const addresses =
        isIP(destination.host) === 0
          ? await this.#lookup(destination.host)
          : [{ address: destination.host, family: isIP(destination.host) }]
      const allowed = addresses.filter(({ address }) => this.#rules.allowsAddress(destination, address))
      if (addresses.length > 0 && allowed.length === 0)
        return refused('its address is one of this machine or its private network')
      for (const { address } of allowed) {
        const socket = await connected(address, destination.port)
        if (socket !== null) return { socket }
      }
      return { status: 502, reason: 'it does not answer' }
    } catch (error) {
      return { status: 502, reason: (error as NodeJS.ErrnoException).code ?? 'it cannot be reached' }
    }
  }
}

interface Refused {
  status: number
  reason: string
}

function refused(reason: string): Refused {
  return { status: 403, reason }
}

function messageFor(target: string | undefined, reason: string): string {
  return `Millrace does not connect this run to ${target ?? 'it'}: ${reason}. See "network" in the configuration.\n`
}

function connected(host: string, port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, timeout: connectMs })
    const fail = () => {
      socket.destroy()
      resolve(null)
    }
    socket.once('error', fail)
    socket.once('timeout', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', fail)
      socket.on('error', () => socket.destroy())
      resolve(socket)
    })
  })
}
