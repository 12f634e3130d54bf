/**
 * All faces over a real store and real sockets, with sessions whose agent is a script: the test decides
 * what it emits and how it ends.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { startJobBody, startSessionBody } from '@millrace/protocol/schemas'
import type { Sandbox } from '@millrace/sandbox'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { OpenStreams } from '#admission/open-streams'
import { Authenticator } from '#auth/authenticator'
import { UserTokens } from '#auth/user-tokens'
import { composeFaces, type FacesParts, httpServerParts } from '#compose/faces'
import { loadConfig } from '#config/load'
import type { ConfigFile } from '#config/schema'
import { Delivery } from '#delivery/delivery'
import { type ExpressMiddleware, expressMiddleware } from '#embed/express'
import { checkedPrincipal, type EmbeddedRuns, embeddedRuns } from '#embed/runs'
import { PublicAddress } from '#http/public-address'
import { createHttpServer } from '#http/server'
import { PushSubscriptions } from '#push/subscriptions'
import { RunHooks } from '#realtime/hooks'
import { Realtime } from '#realtime/realtime'
import { Retention } from '#retention/retention'
import { alwaysAvailable, type Kind } from '#runners/kind'
import type { RunContext, RunOutcome } from '#runners/runner'
import { forkableSession } from '#runners/session/fork'
import { resumableSession } from '#runners/session/kind'
import { Runs } from '#runs/runs'
import { openSqliteStore } from '#store/sqlite/store'
import { Metrics } from '#telemetry/metrics'
import { people, type Tokens } from '#test/security/support/people'
import type { Clock } from '#time/clock'
import { localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'
import { openWorktrees } from '#worktrees/open'

export type Agent = (context: RunContext) => Promise<RunOutcome>

export interface SessionServerOptions {
  /** The script of an agent. Default: starts, says one word, and works until it is ended. */
  agent?: Agent
  /** Kinds besides sessions and jobs. */
  kinds?: readonly Kind[]
  /** How many sessions may run at once. */
  concurrency?: number
  limits?: ConfigFile['limits']
  /** The clock of delivery, which times heartbeats. */
  clock?: Clock
  /** True: a host application names the caller in `request.user`. Otherwise callers have tokens. */
  embedded?: boolean
}

export interface SessionServer extends Tokens {
  url: string
  runs: Runs
  /** As a program that embeds a Millrace has them. */
  embedded: EmbeddedRuns
  express: () => ExpressMiddleware
  /** How many follow a log from inside the process. */
  followers: () => number
  as: (token: string, path: string, init?: RequestInit) => Promise<Response>
  /** The first half of a stop, as `serve` does it. */
  drain: () => Promise<void>
}

const silent = pino({ level: 'silent' })
const boundary = { boundary: 'none' as const, warnings: [], checks: [] }

export function completed(sessionId: string): RunOutcome {
  return {
    state: 'completed',
    data: { sessionId, state: 'completed' },
    result: null,
    error: null,
    usage: null,
  }
}

export const untilAsked = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

const talk: Agent = async ({ run, started, emit, signal }) => {
  await started()
  await emit([{ type: 'assistant', data: { type: 'assistant', text: 'Hello' } }])
  await untilAsked(signal)
  return completed(run.id)
}

/** Sessions in the projects `web` and `api`, as the real kind checks their requests; jobs that do what an agent does. */
function kindsFor(agent: Agent, projects: ReadonlyMap<string, unknown>, concurrency: number): Kind[] {
  const run = agent
  const endedData = (
    { id: sessionId }: { id: string },
    state: string,
    error: string,
  ): Record<string, unknown> => ({ sessionId, state, error })
  const prepare = ({ kind: _kind, project, cwd, ...rest }: Record<string, unknown>) => {
    const refuse = (path: string, expected: string) =>
      new MillraceError('invalid_request', expected, { fields: [{ path, expected }] })
    if (!projects.has(String(project))) throw refuse('project', `There is no project ${project}`)
    if (cwd !== undefined && String(cwd).includes('..')) throw refuse('cwd', 'inside the project')
    return { project: String(project), spec: { project, ...(cwd === undefined ? {} : { cwd }), ...rest } }
  }
  const shared = { ...alwaysAvailable, concurrency, prepare }
  return [
    {
      ...shared,
      kind: 'session',
      request: startSessionBody,
      exclusive: true,
      listens: true,
      resumable: resumableSession,
      forkable: forkableSession,
      runner: { kind: 'session', run, endedData },
    },
    {
      ...shared,
      kind: 'job',
      request: startJobBody,
      exclusive: false,
      resumable: null,
      runner: { kind: 'job', run, endedData },
    },
  ]
}

/** Closed, with everything it made, when the test is over. */
export async function openSessionServer(options: SessionServerOptions = {}): Promise<SessionServer> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-sessions-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [dataDir, web, api] = ['data', 'web', 'api'].map((name) => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }) as [string, string, string]
  const store = await openSqliteStore({ dataDir })
  onTestFinished(() => store.close())
  const config = await loadConfig({
    flags: { data: dataDir, port: '0' },
    env: {},
    cwd: folder,
    content: { projects: { web: { path: web }, api: { path: api } }, limits: options.limits ?? {} },
  })
  const now = () => Date.now()
  const wakeups = new Wakeups([localWakeups(store)])
  onTestFinished(() => wakeups.close())
  const delivery = new Delivery({
    store,
    wakeups,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  })
  onTestFinished(() => delivery.close())
  const sandbox: Sandbox = {
    report: boundary,
    spawn: () => Promise.reject(new Error('a script starts no process')),
    close: () => Promise.resolve(),
  }
  const runs = new Runs({
    store,
    kinds: [
      ...kindsFor(options.agent ?? talk, config.projects, options.concurrency ?? 4),
      ...(options.kinds ?? []),
    ],
    projects: config.projects,
    sandbox,
    endLeftovers: async () => 0,
    eventBytes: config.limits.eventBytes,
    node: randomUUID(),
    now,
    log: silent,
    shutdownGraceMs: 1000,
    ownerBytesMax: config.limits.ownerBytes,
  })
  await runs.open()
  onTestFinished(() => runs.shutdown())
  const streams = new OpenStreams({ credentials: store.credentials, limits: config.limits, now, log: silent })
  onTestFinished(() => streams.close())
  const realtime = new Realtime({
    store,
    publicTopics: [],
    hooks: new RunHooks(),
    node: randomUUID(),
    now,
    log: silent,
  })
  onTestFinished(() => realtime.close())
  let draining = false
  const address = new PublicAddress()
  const parts: FacesParts = {
    config,
    runs,
    delivery,
    pages: store,
    auth: new Authenticator({ credentials: store.credentials, adminTokens: [], jwt: null, now }),
    tokens: new UserTokens(store.credentials, now),
    streams,
    realtime,
    retention: new Retention({ store, rule: config.retention, now, log: silent }),
    worktrees: openWorktrees({ config, store, sandbox, now, log: silent }),
    push: new PushSubscriptions({ credentials: store.credentials, services: [], now }),
    storage: () => Promise.reject(new Error('no data directory is here')),
    checks: null,
    metrics: new Metrics(),
    sandbox: () => boundary,
    catalogue: config,
    agent: () => ({ available: true, demo: false }),
    agents: () => [],
    version: '0.0.0',
    readiness: () => (draining ? { ready: false, status: 'draining' } : { ready: true, status: 'ok' }),
    address,
    hostPrincipal: options.embedded
      ? async (request) => checkedPrincipal((request as { user?: string }).user)
      : null,
  }
  const faces = composeFaces(parts)
  const app = await createHttpServer({ ...httpServerParts(parts, faces), log: silent })
  onTestFinished(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  address.set(url)
  const middleware = await expressMiddleware(faces, silent as unknown as import('fastify').FastifyBaseLogger)
  return {
    ...(await people(store.credentials)),
    url,
    runs,
    embedded: embeddedRuns(async () => ({ runs, delivery })),
    express: () => middleware,
    followers: () => delivery.stats().iterators,
    as: (token, path, init = {}) =>
      fetch(url + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as object) },
      }),
    drain: async () => {
      draining = true
      await runs.shutdown()
      // A machine with other work needs seconds to flush what is one read and one write.
      await delivery.drain(60_000)
    },
  }
}
