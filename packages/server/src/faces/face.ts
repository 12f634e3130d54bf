/** What every face is built from, and what every route must say of itself. */
import type { IncomingMessage } from 'node:http'
import type { ErrorCode, projectsResponse } from '@millrace/protocol'
import type { SandboxReport } from '@millrace/sandbox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import type { OpenStreams } from '#admission/open-streams'
import type { RateLimits } from '#admission/rate-limits'
import type { Authenticator } from '#auth/authenticator'
import type { Identity } from '#auth/identity'
import type { Principal } from '#auth/principal'
import type { Config } from '#config/config'
import type { Delivery } from '#delivery/delivery'
import type { PageSource } from '#delivery/page'
import type { RefusalShapeName } from '#http/refusals'
import type { Realtime } from '#realtime/realtime'
import type { Retention } from '#retention/retention'
import type { Runs } from '#runs/runs'
import type { Metrics } from '#telemetry/metrics'

/**
 * Who may call a route. A route that does not say is for signed-in users. `public` looks at no credential;
 * `optional` does, and takes whoever brings none, or one that is not valid, for a guest.
 */
export type Access = 'public' | 'optional' | 'user' | 'admin'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** The route answers with an endless stream: refused without an answer while the server drains. */
    stream?: boolean
    /** The route puts a run in the queue. */
    starts?: boolean
    /** `Authorization: TOKEN` is taken like `Authorization: Bearer TOKEN`. */
    bareToken?: boolean
    /** The shape of what it answers when it refuses: `problem` (RFC 9457) unless it says so. */
    refusals?: RefusalShapeName
    /** What it may refuse with besides what every route of its sort does. */
    refuses?: readonly ErrorCode[]
  }
  interface FastifyRequest {
    identity: Identity | null
  }
}

/** Readiness, as `/readyz` tells it. */
export interface Readiness {
  ready: boolean
  status: 'ok' | 'draining' | 'storage_full' | 'storage_failed'
}

/** Can agent sessions be started, and who answers them? As `GET /api/projects` tells it. */
export type AgentStatus = NonNullable<z.infer<typeof projectsResponse>['agent']>

export interface FaceParts {
  config: Pick<Config, 'projects' | 'tools' | 'http' | 'limits' | 'concurrency'>
  runs: Runs
  delivery: Delivery
  pages: PageSource
  auth: Authenticator
  streams: OpenStreams
  realtime: Realtime
  retention: Pick<Retention, 'prune'>
  metrics: Metrics
  sandbox: SandboxReport
  agent: () => AgentStatus
  version: string
  readiness: () => Readiness
  /** Address under which the outside reaches this server, without a slash at the end. */
  publicUrl: () => string
  cookieName: () => string
  /** Maps a host application's user; absent where this server does its own authentication. */
  hostPrincipal: ((request: IncomingMessage) => Principal | null | Promise<Principal | null>) | null
}

/** What a face that starts runs needs besides. */
export interface StartingParts extends FaceParts {
  rates: RateLimits
}

/** Fastify with zod schemas. */
export type FaceApp = FastifyInstance<
  import('node:http').Server,
  IncomingMessage,
  import('node:http').ServerResponse,
  import('fastify').FastifyBaseLogger,
  ZodTypeProvider
>

/** The caller of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.identity === null) throw new Error(`the route ${request.url} is public and has no principal`)
  return request.identity.principal
}

/** Where a host application has mounted us (`/millrace`); empty in our own server. */
export function mountPath(request: FastifyRequest): string {
  const { baseUrl } = request.raw as IncomingMessage & { baseUrl?: unknown }
  return `${typeof baseUrl === 'string' ? baseUrl : ''}${request.server.prefix}`
}
