/**
 * The headers that protect a browser's user, on every answer of our own server.
 *
 * They are those of helmet, written out: made anew for every request they took a twentieth of the time of a small one.
 */
import type { FastifyInstance } from 'fastify'

/** The Content-Security-Policy of every answer. */
export const contentPolicy = {
  'default-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'object-src': ["'none'"],
}

const policy = Object.entries(contentPolicy).map(
  ([directive, sources]) => `${directive} ${sources.join(' ')}`,
)

/** No `Strict-Transport-Security`: whether there is TLS is the business of the proxy in front. */
const headers: readonly (readonly [name: string, value: string])[] = [
  ['Content-Security-Policy', policy.join(';')],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Origin-Agent-Cluster', '?1'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-DNS-Prefetch-Control', 'off'],
  ['X-Download-Options', 'noopen'],
  // The same as `frame-ancestors`, for browsers that do not know it.
  ['X-Frame-Options', 'DENY'],
  ['X-Permitted-Cross-Domain-Policies', 'none'],
  // The filters of old browsers could be turned against a page.
  ['X-XSS-Protection', '0'],
]

export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, { raw }, next) => {
    // On Node's own response, so that a stream written past Fastify has them too.
    for (const [name, value] of headers) raw.setHeader(name, value)
    next()
  })
}
