/**
 * A door on loopback to the model's API, one per session: the session's process knows a token that opens
 * this door while the session lives, and never the key.
 *
 * Owns: one listening socket, its connections, and the requests under way, until `close()`.
 * Invariants: requests go only to the configured host, below its configured path; bodies are forwarded
 * byte for byte, and no faster than the other side reads them; a broken answer never looks whole; the
 * key is in requests to that host and nowhere else.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import {
  type Agent,
  type ClientRequest,
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { MillraceError } from '@millrace/protocol'
import { forwardedHeaders, returnedHeaders } from './headers.ts'
import { isNeeded, staysBelow } from './target.ts'

interface ModelUpstream {
  /** `http` or `https`; may have a path, below which every request goes. */
  baseUrl: string
  /** Sent as `x-api-key`. Absent: requests carry no credential. */
  apiKey: string | undefined
  /** Variables that name a proxy on the way to the API (`HTTPS_PROXY`, `NO_PROXY`, …). Default: none. */
  proxyEnv?: NodeJS.ProcessEnv | undefined
}

export interface ModelGateway {
  /** `http://127.0.0.1:<port>`, for ANTHROPIC_BASE_URL. */
  readonly url: string
  /** For ANTHROPIC_AUTH_TOKEN (or, as well, ANTHROPIC_API_KEY). */
  readonly token: string
  /** Ends all open requests, and stops listening. Idempotent. */
  close(): Promise<void>
}

/** Far more than a session with subagents needs; bounds what its process can make the server hold. */
const connectionsMax = 256

/** Fails with `invalid_request` if the address cannot be an API's. */
export async function openModelGateway(upstream: ModelUpstream): Promise<ModelGateway> {
  const base = parseBase(upstream.baseUrl)
  const agent = agentTo(base, upstream.proxyEnv)
  const token = randomBytes(32).toString('base64url')
  const server = createServer((request, response) => {
    if (!carriesToken(request, token)) {
      refuse(response, 401, 'authentication_error', 'this is not the session’s token')
    } else if (request.httpVersion !== '1.1') {
      // In HTTP/1.0 a broken answer looks like a complete one.
      refuse(response, 505, 'invalid_request_error', 'only HTTP/1.1 is supported')
    } else if (
      !staysBelow(request.url ?? '') ||
      (request.headers['transfer-encoding'] ?? 'chunked') !== 'chunked'
    ) {
      refuse(response, 400, 'invalid_request_error', 'only targets below the API’s address are served')
    } else if (!isNeeded(request.method, request.url ?? '')) {
      refuse(
        response,
        403,
        'permission_error',
        'a session may ask for messages and count tokens, nothing else',
      )
    } else pass(request, response, { base, agent, apiKey: upstream.apiKey })
  })
  server.maxConnections = connectionsMax
  // The session's process keeps connections open, and would lose a request on one that is just being closed.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let closed: Promise<unknown> | undefined
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    close: async () => {
      closed ??= new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
        agent.destroy()
      })
      await closed
    },
  }
}

function parseBase(baseUrl: string): URL {
  const base = URL.canParse(baseUrl) ? new URL(baseUrl) : null
  if (base !== null && /^https?:$/.test(base.protocol) && base.username === '' && base.password === '')
    return base
  throw new MillraceError(
    'invalid_request',
    'the address of the model’s API must be an http or https URL without a user and password',
  )
}

/** Connects to the API, through the server's proxy if it has one. Loopback is never proxied. */
function agentTo(base: URL, proxyEnv: NodeJS.ProcessEnv | undefined): Agent {
  const isLocal = /^(localhost|127\..*|\[::1\])$/i.test(base.hostname)
  const options = {
    keepAlive: true,
    ...(proxyEnv === undefined || isLocal ? {} : { proxyEnv: { ...proxyEnv } }),
  }
  return base.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
}

interface Upstream {
  base: URL
  agent: Agent
  apiKey: string | undefined
}

function carriesToken({ headers }: IncomingMessage, token: string): boolean {
  const bearer = /^bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1]
  // Digests have one length, so that the comparison reveals nothing about the token.
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return [bearer, headers['x-api-key']].some(
    (given) => typeof given === 'string' && timingSafeEqual(digest(given), digest(token)),
  )
}

/** Forwards one request to the API, and its answer back. */
function pass(request: IncomingMessage, response: ServerResponse, { base, agent, apiKey }: Upstream): void {
  let outgoing: ClientRequest
  try {
    outgoing = (base.protocol === 'https:' ? httpsRequest : httpRequest)({
      // A URL has brackets around an IPv6 address; a socket's address has none.
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      path: base.pathname.replace(/\/+$/, '') + request.url,
      method: request.method,
      agent,
      headers: forwardedHeaders(request, base.host, apiKey),
    })
  } catch {
    // The target or a header has characters that Node accepts but does not send.
    refuse(response, 400, 'invalid_request_error', 'the request cannot be forwarded')
    return
  }
  const unreachable = (error?: NodeJS.ErrnoException) => {
    if (response.headersSent || response.destroyed) return
    const why = error === undefined ? 'it gave no answer' : (error.code ?? 'the connection broke')
    refuse(response, 502, 'api_error', `the model's API at ${base.host} cannot be reached: ${why}`)
  }
  // Not a pipeline: if the API refuses a body before it has read all of it, a pipeline would cut the
  // session's connection, and with it the answer that says why.
  request.pipe(outgoing)
  request.on('error', () => {})
  outgoing.on('error', unreachable)
  outgoing.on('upgrade', (_answer, socket) => socket.destroy())
  outgoing.on('close', () => {
    request.unpipe(outgoing)
    request.resume()
    unreachable()
  })
  let answer: IncomingMessage | undefined
  outgoing.on('response', (arrived) => {
    answer = arrived
    giveBack(arrived, response, apiKey, unreachable)
  })
  response.on('close', () => {
    if (!request.complete || answer?.complete !== true) outgoing.destroy()
  })
}

function giveBack(
  answer: IncomingMessage,
  response: ServerResponse,
  apiKey: string | undefined,
  unreachable: () => void,
): void {
  response.sendDate = false
  try {
    response.writeHead(answer.statusCode ?? 502, returnedHeaders(answer, apiKey))
  } catch {
    // The status or a header is one that Node accepts but does not send.
    answer.destroy()
    unreachable()
    return
  }
  response.flushHeaders()
  // A broken answer destroys the response, and with it the connection: a cut, not an end.
  pipeline(answer, response, () => {})
}

/** Refuses in the shape of the API's own errors. Does not wait for the rest of the request's body. */
function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ type: 'error', error: { type, message } }))
}
