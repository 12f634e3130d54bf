/**
 * A door on loopback, one a session, to the model's API: the session's process knows a token that opens
 * this door while the session lives, and never the key.
 *
 * Owns: one listening socket, its connections, and the requests under way, until `close()`.
 * Invariants: whatever is asked, only the configured host is spoken to, below its configured path; bodies
 * pass as they come, byte for byte, and no faster than they are taken; a broken answer never looks whole;
 * the key is in a request to that host and nowhere else.
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
import { staysBelow } from './target.ts'

interface ModelUpstream {
  /** `http` or `https`; may have a path: what is asked of the gateway is asked below it. */
  baseUrl: string
  /** Sent as `x-api-key`; without it no credential is sent. */
  apiKey: string | undefined
  /** Variables that name a proxy on the way to the API (`HTTPS_PROXY`, `NO_PROXY`, …). Default: none. */
  proxyEnv?: NodeJS.ProcessEnv | undefined
}

export interface ModelGateway {
  /** `http://127.0.0.1:<port>`, for ANTHROPIC_BASE_URL. */
  readonly url: string
  /** For ANTHROPIC_AUTH_TOKEN (or, as well, ANTHROPIC_API_KEY). */
  readonly token: string
  /** Ends what is under way, both ways, and stops listening. Idempotent. */
  close(): Promise<void>
}

/** Far above what a session with subagents needs; a bound on what its process can make the server hold. */
const maxConnections = 256

/** Fails with `invalid_request` when the address is not one of an API. */
export async function openModelGateway(upstream: ModelUpstream): Promise<ModelGateway> {
  const base = parseBase(upstream.baseUrl)
  const agent = agentTo(base, upstream.proxyEnv)
  const token = randomBytes(32).toString('base64url')
  const server = createServer((request, response) => {
    if (!carriesToken(request, token)) {
      refuse(response, 401, 'authentication_error', 'this is not the token of the session')
    } else if (request.httpVersion !== '1.1') {
      // In HTTP/1.0 an answer that breaks off looks like one that ended.
      refuse(response, 505, 'invalid_request_error', 'only HTTP/1.1 is spoken here')
    } else if (
      !staysBelow(request.url ?? '') ||
      (request.headers['transfer-encoding'] ?? 'chunked') !== 'chunked'
    ) {
      refuse(
        response,
        400,
        'invalid_request_error',
        'only what lies below the API’s address can be asked for',
      )
    } else pass(request, response, { base, agent, apiKey: upstream.apiKey })
  })
  server.maxConnections = maxConnections
  // The session's process keeps its connections, and would lose a request to one that is just being closed.
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

/** Connections to the API, by way of the server's proxy where it has one. Nothing proxies loopback. */
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
  // Of the same length whatever was sent, so that the comparison says nothing about the token.
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return [bearer, headers['x-api-key']].some(
    (given) => typeof given === 'string' && timingSafeEqual(digest(given), digest(token)),
  )
}

/** One request on to the API, and its answer back. */
function pass(request: IncomingMessage, response: ServerResponse, { base, agent, apiKey }: Upstream): void {
  let outgoing: ClientRequest
  try {
    outgoing = (base.protocol === 'https:' ? httpsRequest : httpRequest)({
      // Of an IPv6 address the URL has brackets, a socket's address has none.
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      path: base.pathname.replace(/\/+$/, '') + request.url,
      method: request.method,
      agent,
      headers: forwardedHeaders(request, base.host, apiKey),
    })
  } catch {
    // A target or a header with characters that Node would take and not send.
    refuse(response, 400, 'invalid_request_error', 'the request cannot be passed on')
    return
  }
  const unreachable = (error?: NodeJS.ErrnoException) => {
    if (response.headersSent || response.destroyed) return
    const why = error === undefined ? 'it gave no answer' : (error.code ?? 'the connection broke')
    refuse(response, 502, 'api_error', `the model's API at ${base.host} cannot be reached: ${why}`)
  }
  // Not a pipeline: it would cut the session's connection, with the answer that says why, when the API
  // refuses a body that it has not read to its end.
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
    // A status or a header that Node would take and not send.
    answer.destroy()
    unreachable()
    return
  }
  response.flushHeaders()
  // An answer that breaks off destroys the response, and with it the connection: a cut, not an end.
  pipeline(answer, response, () => {})
}

/** In the shape of the API's own errors. The rest of the request's body is not waited for. */
function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ type: 'error', error: { type, message } }))
}
