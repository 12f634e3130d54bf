/**
 * A door on loopback to the model's API, one per run: the agent's process knows a token that opens this door
 * while the run lives, and never the key.
 *
 * Owns: one listening socket, its connections, and the requests under way, until `close()`.
 * Invariants: requests go only to the configured host, below its configured path; with a budget, no request for a
 * message goes there that does not fit it; the key is in requests to that host and nowhere else.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MillraceError } from '@millrace/protocol'
import { connectionTo } from '#agents/connection'
import type { Budget } from './budget.ts'
import { pass, refuse } from './forward.ts'
import { passMessage } from './metered.ts'
import { staysBelow } from './target.ts'
import { anthropic } from './vendors/anthropic.ts'
import type { Vendor } from './vendors/vendor.ts'

interface ModelUpstream {
  /** `http` or `https`; may have a path, below which every request goes. */
  baseUrl: string
  /** Sent as the vendor wants it. Absent: requests carry no credential. */
  apiKey: string | undefined
  /** Variables that name a proxy on the way to the API (`HTTPS_PROXY`, `NO_PROXY`, …). Default: none. */
  proxyEnv?: NodeJS.ProcessEnv | undefined
  /** Default: Anthropic. */
  vendor?: Vendor
}

export interface ModelGateway {
  /** `http://127.0.0.1:<port>`, the address of the API for the agent. */
  readonly url: string
  /** The key of the API for the agent. */
  readonly token: string
  /** Null where no price of a model is known, so that the gateway cannot count money. */
  readonly budget: Budget | null
  /** Ends all open requests, and stops listening. Idempotent. */
  close(): Promise<void>
}

/** Far more than a session with subagents needs; bounds what its process can make the server hold. */
const connectionsMax = 256

/** Fails with `invalid_request` if the address cannot be an API's. */
export async function openModelGateway(
  upstream: ModelUpstream,
  budget: Budget | null = null,
): Promise<ModelGateway> {
  const base = parseBase(upstream.baseUrl)
  const agent = connectionTo(base, upstream.proxyEnv)
  const token = randomBytes(32).toString('base64url')
  const closing = new AbortController()
  const { apiKey, vendor = anthropic } = upstream
  const way = { base, agent, apiKey, vendor }
  const held = { bytes: 0 }
  const server = createServer((request, response) => {
    if (!carriesToken(request, token)) {
      refuse(response, vendor, 401, 'authentication_error', 'this is not the session’s token')
    } else if (request.httpVersion !== '1.1') {
      // In HTTP/1.0 a broken answer looks like a complete one.
      refuse(response, vendor, 505, 'invalid_request_error', 'only HTTP/1.1 is supported')
    } else if (
      !staysBelow(request.url ?? '') ||
      (request.headers['transfer-encoding'] ?? 'chunked') !== 'chunked'
    ) {
      refuse(
        response,
        vendor,
        400,
        'invalid_request_error',
        'only targets below the API’s address are served',
      )
    } else if (!vendor.needs(request.method, request.url ?? '')) {
      refuse(response, vendor, 403, 'permission_error', `a session may ${vendor.offer}, nothing else`)
    } else if (budget !== null && vendor.costs(request.method, request.url ?? '')) {
      void passMessage(request, response, { way, budget, held, closing: closing.signal })
    } else pass(request, response, way)
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
    budget,
    close: async () => {
      closed ??= new Promise((resolve) => {
        closing.abort()
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

function carriesToken({ headers }: IncomingMessage, token: string): boolean {
  const bearer = /^bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1]
  // Digests have one length, so that the comparison reveals nothing about the token.
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return [bearer, headers['x-api-key'], headers['x-goog-api-key']].some(
    (given) => typeof given === 'string' && timingSafeEqual(digest(given), digest(token)),
  )
}
