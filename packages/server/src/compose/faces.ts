/** Which faces there are, and what each is built from: a new face is a folder of `faces/` and one line here. */
import type { OfferedAgent } from '@millrace/protocol'
import type { SandboxReport } from '@millrace/sandbox'
import type { FastifyPluginAsync } from 'fastify'
import type { OpenStreams } from '#admission/open-streams'
import type { CountEverywhere } from '#admission/rate-limits'
import type { Authenticator } from '#auth/authenticator'
import type { UserTokens } from '#auth/user-tokens'
import type { Config } from '#config/config'
import type { Delivery } from '#delivery/delivery'
import type { PageSource } from '#delivery/page'
import { executionsFace } from '#faces/executions/executions'
import { jobsFace } from '#faces/jobs/jobs'
import { type AdminFaceParts, adminFace } from '#faces/native/admin'
import { type AgentStatus, catalogueFace } from '#faces/native/catalogue'
import { loginFace } from '#faces/native/login'
import { nativeFace } from '#faces/native/native'
import { probeFace } from '#faces/native/probe'
import { type Readiness, serviceFace } from '#faces/native/service'
import { ticketFace } from '#faces/native/tickets'
import { tokenFace } from '#faces/native/tokens'
import { realtimeFace } from '#faces/pocketbase/realtime'
import { pushFace } from '#faces/push/push'
import { sessionsFace } from '#faces/sessions/sessions'
import { statisticsFace } from '#faces/statistics/statistics'
import { createStreamRun } from '#faces/streaming'
import { worktreesFace } from '#faces/worktrees/worktrees'
import type { Face } from '#http/face'
import type { HostPrincipalOf } from '#http/guard'
import type { PublicAddress } from '#http/public-address'
import { routes } from '#http/routes'
import { RunStreams } from '#http/run-streams'
import type { HttpServerParts } from '#http/server'
import type { PushSubscriptions } from '#push/subscriptions'
import type { Elsewhere } from '#realtime/elsewhere'
import type { Realtime } from '#realtime/realtime'
import type { Retention } from '#retention/retention'
import type { Runs } from '#runs/runs'
import { endPipelined } from '#sse/pipelining'
import type { Metrics } from '#telemetry/metrics'
import type { Worktrees } from '#worktrees/worktrees'

export interface FacesParts {
  config: Pick<Config, 'projects' | 'tools' | 'http' | 'limits' | 'concurrency'>
  runs: Runs
  delivery: Delivery
  pages: PageSource
  auth: Authenticator
  tokens: UserTokens
  streams: OpenStreams
  realtime: Realtime
  /** Absent, both: this node is alone. */
  elsewhere?: Elsewhere | null
  countEverywhere?: CountEverywhere | null
  retention: Pick<Retention, 'prune'>
  worktrees: Worktrees
  push: PushSubscriptions
  storage: AdminFaceParts['storage']
  checks: AdminFaceParts['checks']
  metrics: Metrics
  sandbox: () => Pick<SandboxReport, 'boundary' | 'warnings'>
  /** What is shown of projects and tools. */
  catalogue: Pick<Config, 'projects' | 'tools'>
  /** This node works, and serves nobody but its operator. */
  onlyWorks?: boolean
  agent: () => AgentStatus
  agents: () => OfferedAgent[]
  version: string
  readiness: () => Readiness
  address: PublicAddress
  /** Null where this server does its own authentication. */
  hostPrincipal: HostPrincipalOf | null
}

/** All faces, behind the guard. */
export function composeFaces(parts: FacesParts): FastifyPluginAsync {
  const { config, auth, address, hostPrincipal, metrics } = parts
  const runStreams = new RunStreams()
  return routes({
    faces: facesOf(parts, runStreams),
    guard: { auth, address, hostPrincipal },
    hosts: config.http.hosts,
    limits: config.limits,
    countEverywhere: parts.countEverywhere ?? null,
    runStreams,
    draining: () => parts.readiness().status === 'draining',
    endsPipelined: endPipelined,
    onRejected: (code) => metrics.http.rejected(code),
  })
}

function facesOf(parts: FacesParts, runStreams: RunStreams): Face[] {
  const { config, runs, pages, auth, streams, address } = parts
  if (parts.onlyWorks) return [serviceFace(parts)]
  const compress = config.http.compressStreams
  const streamRun = createStreamRun({ delivery: parts.delivery, streams, compress })
  const faces = [
    nativeFace({
      runs,
      pages,
      streamRun,
      auth: parts.hostPrincipal === null ? auth : null,
      worktrees: parts.worktrees,
    }),
    worktreesFace({ worktrees: parts.worktrees }),
    catalogueFace({ ...parts.catalogue, agent: parts.agent, agents: parts.agents }),
    jobsFace({ runs, streamRun, concurrency: config.concurrency.job }),
    realtimeFace({
      realtime: parts.realtime,
      elsewhere: parts.elsewhere ?? null,
      streams,
      compress,
      bodyBytesMax: config.limits.bodyBytes,
    }),
    sessionsFace({ runs, streamRun }),
    executionsFace({ runs, streamRun }),
    statisticsFace({ runs }),
    serviceFace(parts),
    adminFace(parts),
    probeFace(parts),
  ]
  // A host application logs its users in by itself.
  if (parts.hostPrincipal !== null) return faces
  return [
    ...faces,
    loginFace({ auth, address }),
    ticketFace({ auth, runs, runStreams, address }),
    tokenFace(parts.tokens),
    pushFace(parts.push),
  ]
}

/** What our own HTTP server needs besides the faces. */
export function httpServerParts(
  { config, version, metrics, address }: Pick<FacesParts, 'config' | 'version' | 'metrics' | 'address'>,
  faces: FastifyPluginAsync,
): Omit<HttpServerParts, 'log'> {
  return {
    routes: faces,
    hosts: config.http.hosts,
    trustProxy: config.http.trustProxy,
    origins: config.http.cors.origins,
    bodyBytesMax: config.limits.bodyBytes,
    version,
    address,
    onRejected: (code) => metrics.http.rejected(code),
    onAnswered: (answered) => metrics.http.answered(answered),
  }
}
