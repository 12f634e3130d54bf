/**
 * The composition root: the only file that knows all parts. Importing it opens nothing; `start()`
 * opens and `stop()` releases, in the reverse order.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import type { Logger } from 'pino'
import { Authenticator } from './auth/authenticator.ts'
import { createJwtVerifier } from './auth/jwt.ts'
import { OpenStreams } from './auth/open-streams.ts'
import type { Principal } from './auth/principal.ts'
import { newSecret } from './auth/secrets.ts'
import { monotonicClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { Delivery } from './delivery/delivery.ts'
import type { FaceParts, Readiness } from './faces/face.ts'
import { routes } from './faces/routes.ts'
import { packageVersion } from './package-version.ts'
import { RunHooks } from './realtime/hooks.ts'
import { Realtime } from './realtime/realtime.ts'
import { Retention } from './retention/retention.ts'
import { startSweeper } from './retention/sweeper.ts'
import { prepareJob } from './runners/command/prepare.ts'
import { createCommandRunner } from './runners/command/runner.ts'
import type { KindOfRun } from './runs/kind.ts'
import { Runs } from './runs/runs.ts'
import { endLeftovers } from './sandbox/leftovers.ts'
import { openSandbox } from './sandbox/open.ts'
import { acquireDataDirLock } from './store/sqlite/lock.ts'
import { openSqliteStore } from './store/sqlite/store.ts'
import { Metrics } from './telemetry/metrics.ts'
import { observeStore } from './telemetry/observed-store.ts'
import { writeObserver } from './telemetry/observer.ts'
import { logStoreStatus } from './telemetry/run-log.ts'

export interface ServerOptions {
  config: Config
  log: Logger
  /** Maps a host application's user. Absent: this server authenticates by itself. */
  principal?: (request: IncomingMessage) => Principal | null | Promise<Principal | null>
  /** What an embedding program is told of runs. */
  hooks?: RunHooks
  /** Told when the store can no longer be trusted: the process should end. */
  onFatal?: (error: Error) => void
}

/** What is open between start() and stop(). */
export interface OpenServer {
  faces: FaceParts
  plugin: FastifyPluginAsync
  runs: Runs
  delivery: Delivery
  realtime: Realtime
  auth: Authenticator
  /** An admin token that lives as long as this server. */
  localToken: string
  /** Where the server is reached, once somebody listens. */
  setPublicUrl(url: string): void
  /** First half of a stop: no more starts, every active run ended, every follower flushed. */
  drain(): Promise<void>
  /** Second half: the store and everything else. */
  close(): Promise<void>
}

const drainMs = 3000
const shutdownGraceMs = 3000

export async function openServer(options: ServerOptions): Promise<OpenServer> {
  const releases: (() => unknown)[] = []
  const release = async () => {
    for (const next of releases.reverse()) await next()
  }
  try {
    return await open(options, releases, release)
  } catch (error) {
    await release()
    throw error
  }
}

async function open(
  { config, log, principal, hooks, onFatal }: ServerOptions,
  releases: (() => unknown)[],
  close: () => Promise<void>,
): Promise<OpenServer> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const lock = acquireDataDirLock(config.dataDir)
  releases.push(() => lock.release())

  const metrics = new Metrics()
  const sqlite = await openSqliteStore({
    dataDir: config.dataDir,
    onBatch: (batch) => metrics.store.batch(batch),
    ...(onFatal === undefined ? {} : { onFatal }),
  })
  releases.push(() => sqlite.close())
  const store = observeStore(sqlite, writeObserver(metrics, log))
  releases.push(store.onStatus(logStoreStatus(log)))

  const projects = [...config.projects.values()]
  const sandbox = await openSandbox({
    mode: config.sandbox.mode,
    readPaths: config.sandbox.read,
    dataDir: config.dataDir,
    configFile: config.configFile,
    projects,
  })
  releases.push(() => sandbox.close())
  for (const warning of sandbox.report.warnings) log.warn(`SANDBOX: ${warning}`)

  const delivery = new Delivery({ store })
  releases.push(() => delivery.close())

  const now = () => Date.now()
  const node = randomUUID()
  const realtime = new Realtime({
    store,
    publicTopics: config.realtime?.publicTopics ?? [],
    hooks: hooks ?? new RunHooks(),
    node,
    now,
    log,
  })
  releases.push(() => realtime.close())
  const kinds: KindOfRun[] = [
    {
      kind: 'job',
      runner: createCommandRunner({ tools: config.tools, eventBytes: config.limits.eventBytes }),
      concurrency: config.concurrency.job,
      prepare: (request) => prepareJob(request, config),
    },
  ]
  const runs = new Runs({
    store,
    kinds,
    projects: config.projects,
    sandbox,
    endLeftovers,
    eventBytes: config.limits.eventBytes,
    node,
    now,
    log,
    shutdownGraceMs,
  })
  metrics.observe({
    version: packageVersion,
    boundary: sandbox.report.boundary,
    kinds: kinds.map(({ kind }) => kind),
    activeRuns: () => runs.activeCount,
    queueCounts: (kind) => store.queueCounts(kind),
    uncommittedBytes: () => store.uncommittedBytes(),
    storeStatus: () => store.status(),
    delivery: () => delivery.stats(),
    realtime: () => realtime.stats(),
  })
  await runs.open()

  const localToken = newSecret('mr_local')
  const adminTokens = config.adminToken === undefined ? [localToken] : [localToken, config.adminToken]
  const jwt = config.auth?.jwt === undefined ? null : createJwtVerifier(config.auth.jwt, now)
  const auth = new Authenticator({ credentials: store.credentials, adminTokens, jwt, now })
  const streams = new OpenStreams({
    credentials: store.credentials,
    limits: config.limits,
    now,
    log,
    onEnded: (reason) => metrics.http.streamEnded(reason),
  })
  releases.push(() => streams.close())

  let draining = false
  let publicUrl = ''
  const readiness = (): Readiness => {
    if (draining) return { ready: false, status: 'draining' }
    const status = store.status().kind
    return status === 'ok' ? { ready: true, status: 'ok' } : { ready: false, status: `storage_${status}` }
  }
  const retention = new Retention({ store, rule: config.retention, now, log })
  releases.push(startSweeper({ retention, log, after: monotonicClock.after }))
  const faces: FaceParts = {
    config,
    runs,
    delivery,
    pages: store,
    auth,
    streams,
    realtime,
    retention,
    metrics,
    sandbox: sandbox.report,
    version: packageVersion,
    readiness,
    publicUrl: () => publicUrl,
    // Cookies know no ports: two servers on one host must not take each other's.
    cookieName: () => `millrace_${publicUrl === '' ? 'embedded' : new URL(publicUrl).port || '80'}`,
    hostPrincipal: principal ?? null,
  }
  return {
    faces,
    plugin: routes(faces),
    runs,
    delivery,
    realtime,
    auth,
    localToken,
    setPublicUrl: (url) => {
      publicUrl = url
    },
    drain: async () => {
      draining = true
      retention.stop()
      await runs.shutdown()
      await Promise.all([delivery.drain(drainMs), realtime.drain(drainMs)])
    },
    close,
  }
}
