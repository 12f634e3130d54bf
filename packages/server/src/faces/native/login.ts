/** Logs browsers in: a one-use code in an address becomes a cookie. */
import { z } from 'zod'
import type { RateLimits } from '#admission/rate-limits'
import type { Authenticator } from '#auth/authenticator'
import { type Face, type FaceApp, mountPath, principalOf } from '#http/face'
import type { PublicAddress } from '#http/public-address'

const codeQuery = z.object({ code: z.string().max(200).optional() })

export interface LoginFaceParts {
  auth: Pick<Authenticator, 'redeem' | 'createLoginCode' | 'end'>
  address: Pick<PublicAddress, 'url' | 'prefix' | 'isSecure' | 'cookieName'>
}

export function loginFace(parts: LoginFaceParts): Face {
  return {
    routes(app, rates) {
      loginRoute(app, parts, rates)
      codeRoutes(app, parts)
    },
  }
}

function loginRoute(app: FaceApp, parts: LoginFaceParts, rates: Pick<RateLimits, 'logins'>): void {
  app.get(
    '/login',
    {
      config: { access: 'public' },
      // A HEAD request, as link scanners send, must not use up the code.
      exposeHeadRoute: false,
      schema: { hide: true, querystring: codeQuery },
    },
    async (request, reply) => {
      const { code } = request.query
      const redeemed = code === undefined ? null : await parts.auth.redeem(code)
      reply.header('Cache-Control', 'no-store').header('Referrer-Policy', 'no-referrer')
      if (redeemed === null) {
        // Only failures count: nobody's wrong codes keep out the holder of a good one, which cannot be guessed.
        await rates.logins(request)
        return reply.code(401).type('text/html; charset=utf-8').serializer(String).send(refusal)
      }
      return reply
        .setCookie(parts.address.cookieName, redeemed.cookie, {
          httpOnly: true,
          sameSite: 'strict',
          secure: parts.address.isSecure || request.protocol === 'https',
          path: cookiePath(parts),
          maxAge: redeemed.maxAgeSeconds,
        })
        .redirect(`${mountPath(request)}/`, 303)
    },
  )
}

function codeRoutes(app: FaceApp, parts: LoginFaceParts): void {
  app.post(
    '/api/login-codes',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['auth'],
        summary: 'A one-use address that logs a browser in as the caller; valid for 10 minutes',
        response: { 201: z.object({ url: z.string(), expiresAt: z.int() }) },
      },
    },
    async (request, reply) => {
      const parent = request.identity?.parent
      const { code, expiresAt } = await parts.auth.createLoginCode(principalOf(request), parent)
      return reply.code(201).send({ url: loginUrl(parts.address.url, code), expiresAt })
    },
  )

  app.post(
    '/api/logout',
    {
      schema: {
        tags: ['auth'],
        summary: 'End the cookie this request came with',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { identity } = request
      // Only the cookie: a bearer token is ended by whoever made it.
      if (identity?.credential?.kind === 'cookie') await parts.auth.end(identity)
      return reply
        .clearCookie(parts.address.cookieName, { path: cookiePath(parts) })
        .code(204)
        .send(null)
    },
  )
}

/** Only what is below the prefix is ours; the rest of the host may be anybody's. */
function cookiePath({ address }: LoginFaceParts): string {
  return `${address.prefix}/`
}

export function loginUrl(base: string, code: string): string {
  return `${base}/login?code=${encodeURIComponent(code)}`
}

const refusal = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace: log in</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<main class="notice">
<h1>This address does not log in</h1>
<p>A login address works once and for ten minutes. Print another on the machine of the server:</p>
<pre>npx millrace login</pre>
</main>
`
