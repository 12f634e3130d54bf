/**
 * The checks that every request passes before a route sees it: the host it names, the credential it
 * brings, and whether a browser was tricked into sending it.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { MillraceError } from '@millrace/protocol'
import type { FastifyRequest } from 'fastify'
import type { Authenticator } from '#auth/authenticator'
import type { Identity } from '#auth/identity'
import type { Principal } from '#auth/principal'
import type { Access } from './face.ts'
import type { PublicAddress } from './public-address.ts'

/** How a host application identifies the user behind a request; null refuses it with 401. */
export type HostPrincipalOf = (request: IncomingMessage) => Principal | null | Promise<Principal | null>

export interface GuardParts {
  auth: Pick<Authenticator, 'bearer' | 'cookie' | 'ticket'>
  address: Pick<PublicAddress, 'cookieName' | 'origin'>
  /** Null where this server does its own authentication. */
  hostPrincipal: HostPrincipalOf | null
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Refuses a request for a host name that is not ours (421). Otherwise a page of `evil.example`, whose name
 * was rebound to our address, would be same-origin with us.
 */
export function checkHost({ raw }: FastifyRequest, allowed: readonly string[]): void {
  // Node keeps the first of several; a proxy in front may have judged the last (RFC 9112, 3.2).
  if (raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1) {
    throw new MillraceError('invalid_request', 'A request must name exactly one host')
  }
  const local = (raw.socket.localAddress ?? '').replace(/^::ffff:/, '')
  const named = [raw.headers.host ?? '', ...hostOfTarget(raw.url ?? '/')]
  if (named.every((host) => isOurs(hostName(host), allowed, local))) return
  throw new MillraceError(
    'misdirected',
    'This host name is not served here; add it to http.hosts in the configuration',
  )
}

function isOurs(host: string, allowed: readonly string[], local: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (loopbackNames.has(host) || allowed.some((name) => name.toLowerCase() === bare)) return true
  // An address cannot be rebound: it is ours if the connection arrived on it.
  return isIP(bare) !== 0 && bare === local
}

/** The host of a target in absolute form, which a server must prefer to the field (RFC 9112, 3.2.2). */
function hostOfTarget(target: string): string[] {
  if (target.startsWith('/') || target === '*') return []
  return [URL.canParse(target) ? new URL(target).host : target]
}

function hostName(header: string): string {
  return header.toLowerCase().replace(/:\d+$/, '')
}

/**
 * Identifies the caller. Null: the request has no credential, or none is needed. Throws when a credential
 * is not valid, except on routes open to guests, where it counts as none.
 */
export async function identify(request: FastifyRequest, parts: GuardParts): Promise<Identity | null> {
  const { access } = request.routeOptions.config
  if (access === 'public') return null
  try {
    return await identifyCredential(request, parts)
  } catch (error) {
    const invalid = error instanceof MillraceError && error.code === 'unauthenticated'
    if (access === 'optional' && invalid) return null
    throw error
  }
}

async function identifyCredential(request: FastifyRequest, parts: GuardParts): Promise<Identity | null> {
  if (parts.hostPrincipal !== null) {
    const principal = await parts.hostPrincipal(request.raw)
    return principal === null ? null : { principal, credential: null, parent: null, expiresAt: null }
  }
  const authorization = request.headers.authorization
  if (authorization !== undefined) {
    const shape = request.routeOptions.config.bareToken ? /^(?:Bearer )?([^\s]+)$/i : /^Bearer ([^\s]+)$/i
    const token = shape.exec(authorization)?.[1]
    const identity = token === undefined ? null : await parts.auth.bearer(token, runTakingToken(request))
    if (identity === null) throw new MillraceError('unauthenticated', 'The bearer token is not valid')
    return identity
  }
  const { ticket } = request.query as { ticket?: unknown }
  if (typeof ticket === 'string' && request.routeOptions.config.stream) {
    const identity = await parts.auth.ticket(ticket, request.url.split('?')[0] ?? '')
    if (identity === null) throw new MillraceError('unauthenticated', 'The ticket is not valid here')
    return identity
  }
  const cookie = request.cookies[parts.address.cookieName]
  if (cookie === undefined) return null
  const identity = await parts.auth.cookie(cookie)
  if (identity !== null) checkSameOrigin(request, parts.address.origin)
  return identity
}

/** The run that the request names, where the route takes the token of that run. */
function runTakingToken({ routeOptions, params }: FastifyRequest): string | null {
  return routeOptions.config.takesRunToken ? String((params as { id?: unknown }).id) : null
}

const readOnly = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Browsers attach cookies to every request, whichever page caused it; a write must come from our own page. */
function checkSameOrigin(request: FastifyRequest, own: string | null): void {
  if (readOnly.has(request.method)) return
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  if (site === 'same-origin') return
  const isOwn = origin !== undefined && (origin === own || originHost(origin) === request.headers.host)
  if (site === undefined && isOwn) return
  throw new MillraceError('forbidden', 'A write with a cookie must come from a page of this server')
}

function originHost(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

/** Refuses a caller whom the route does not admit. */
export function checkAccess(request: FastifyRequest): void {
  const access: Access = request.routeOptions.config.access ?? 'user'
  if (access === 'public' || access === 'optional') return
  if (request.identity === null) {
    throw new MillraceError(
      'unauthenticated',
      'Send a bearer token, or log in with a token or with the address that `millrace login` prints',
    )
  }
  if (access === 'admin' && !request.identity.principal.admin) {
    throw new MillraceError('forbidden', 'Only an admin may do this')
  }
}
