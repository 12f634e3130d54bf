/** What a protocol brings to the HTTP server, and what each of its routes states about itself. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ErrorCode } from '@millrace/protocol'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { RateLimits } from '#admission/rate-limits'
import type { Identity } from '#auth/identity'
import type { Principal } from '#auth/principal'
import type { RefusalShape } from './refusals.ts'

/**
 * Who may call a route; signed-in users by default. A `public` route ignores credentials. An `optional`
 * one reads them, and treats a caller without a valid one as a guest.
 */
export type Access = 'public' | 'optional' | 'user' | 'admin'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** Answers with an endless stream; closed unanswered while the server drains. */
    stream?: boolean
    /** Puts a run in the queue; counted by the rate limit of starts. */
    starts?: boolean
    /** The rate limit that counts a call, where the route starts no run. */
    rate?: keyof RateLimits
    /** Accepts `Authorization: TOKEN` as well as `Authorization: Bearer TOKEN`. */
    bareToken?: boolean
    /** Accepts the token of the run that the path names. */
    takesRunToken?: boolean
    /** The shape of its refusals; its face's by default, else RFC 9457. */
    refusals?: RefusalShape
    /** Codes it may refuse with, beyond those every route of its sort has. */
    refuses?: readonly ErrorCode[]
  }
  interface FastifyRequest {
    identity: Identity | null
  }
}

/** Fastify with zod schemas. */
export type FaceApp = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** One protocol over the same runs and logs. Its routes live in a Fastify context of their own. */
export interface Face {
  /** The shape in which all of its routes refuse; RFC 9457 by default. */
  refusals?: RefusalShape
  /** `rates` are for routes that count only some calls; others name theirs in `config.rate`. */
  routes(app: FaceApp, rates: RateLimits): void | Promise<void>
}

/** The caller of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.identity === null) throw new Error(`the route ${request.url} is public and has no principal`)
  return request.identity.principal
}

/** Where a host application has mounted the faces, or our own server's prefix (`/millrace`); empty at the root. */
export function mountPath(request: FastifyRequest): string {
  const { baseUrl } = request.raw as IncomingMessage & { baseUrl?: unknown }
  return `${typeof baseUrl === 'string' ? baseUrl : ''}${request.server.prefix}`
}
