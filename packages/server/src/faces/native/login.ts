/** Logs browsers in: a one-use code in an address becomes a cookie. */
import { MillraceError } from '@millrace/protocol'
import { z } from 'zod'
import type { RateLimits } from '#admission/rate-limits'
import type { Authenticator } from '#auth/authenticator'
import type { Principal } from '#auth/principal'
import { adminUser, isUserName } from '#auth/user-name'
import { hasConsole, sendConsole } from '#http/console'
import { type Face, type FaceApp, mountPath, principalOf } from '#http/face'
import type { PublicAddress } from '#http/public-address'

const codeBody = z.strictObject({ user: z.string().optional(), admin: z.boolean().optional() })
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
      if (code === undefined && hasConsole(request)) return sendConsole(request, reply, 0)
      const redeemed = code === undefined ? null : await parts.auth.redeem(code)
      reply.header('Cache-Control', 'no-store').header('Referrer-Policy', 'no-referrer')
      if (redeemed === null) {
        // Only failures count: nobody's wrong codes keep out the holder of a good one, which cannot be guessed.
        await rates.logins(request)
        if (hasConsole(request)) return sendConsole(request, reply.code(401), 0)
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
      config: { rate: 'tickets', refuses: ['forbidden'] },
      schema: {
        tags: ['auth'],
        summary: 'A one-use address that logs a browser in; valid for 10 minutes',
        description: 'As the caller; an admin may name another user.',
        body: codeBody.nullish(),
        response: { 201: z.object({ url: z.string(), expiresAt: z.int() }) },
      },
    },
    async (request, reply) => {
      const principal = whoLogsIn(principalOf(request), request.body ?? {})
      const { code, expiresAt } = await parts.auth.createLoginCode(principal, request.identity)
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

/** The caller, or whom an admin names. */
function whoLogsIn(caller: Principal, { user, admin = false }: z.infer<typeof codeBody>): Principal {
  if (user === undefined) return caller
  if (!caller.admin && (user !== caller.user || admin)) {
    throw new MillraceError('forbidden', 'Only an admin may log a browser in as somebody else')
  }
  if (isUserName(user, admin)) return { user, admin }
  const expected = `the name of a user; "${adminUser}" is an admin's`
  throw new MillraceError('invalid_request', `user must be ${expected}`, {
    fields: [{ path: 'user', expected }],
  })
}

/** Only what is below the prefix is ours; the rest of the host may be anybody's. */
function cookiePath({ address }: LoginFaceParts): string {
  return `${address.prefix}/`
}

export function loginUrl(base: string, code: string): string {
  return `${base}/login?code=${encodeURIComponent(code)}`
}

/** For a server without the console. */
const refusal = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace: log in</title>
<link rel="icon" href="data:,">
<main>
<h1>This address does not log in</h1>
<p>A login address works once and for ten minutes. Print another on the machine of the server:</p>
<pre>millrace login</pre>
</main>
`
