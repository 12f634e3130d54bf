/**
 * The composition root: opens every part in order. Importing it opens nothing; `openServer()` does.
 * `drain()` and then `close()` release all of it, in the reverse order.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { MillraceError, messageOf } from '@millrace/protocol'
import { endLeftovers, openSandbox, type SandboxReport } from '@millrace/sandbox'
import type { FastifyPluginAsync } from 'fastify'
import type { Logger } from 'pino'
import { OpenStreams } from '#admission/open-streams'
import { Authenticator } from '#auth/authenticator'
import { createJwtVerifier } from '#auth/jwt'
import { newSecret } from '#auth/secrets'
import type { Config } from '#config/config'
import { Delivery } from '#delivery/delivery'
import type { Readiness } from '#faces/native/service'
import type { HostPrincipalOf } from '#http/guard'
import type { HttpServerParts } from '#http/server'
import { RunHooks } from '#realtime/hooks'
import { Realtime } from '#realtime/realtime'
import { Retention } from '#retention/retention'
import { startSweeper } from '#retention/sweeper'
import { Runs } from '#runs/runs'
import { openSqliteStore } from '#store/sqlite/store'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import { Metrics } from '#telemetry/metrics'
import { observeStore } from '#telemetry/observed-store'
import { writeObserver } from '#telemetry/observer'
import { logStoreStatus } from '#telemetry/run-log'
import { monotonicClock } from '#time/clock'
import { localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'
import { composeFaces, type FacesParts, httpServerParts } from './faces.ts'
import { composeKinds } from './kinds.ts'
import { chooseModel } from './model.ts'
import { packageVersion } from './package-version.ts'
import { PublicAddress } from './public-address.ts'

export interface ServerOptions {
  config: Config
  log: Logger
  /** Identifies a host application's user. Absent: this server does its own authentication. */
  principal?: HostPrincipalOf
  /** Listeners of a host application. */
  hooks?: RunHooks
  /** Offers the scripted demo model, and a project for it, if no model is configured. */
  demo?: boolean
  /** Called when the store can no longer be trusted: the process should end. */
  onFatal?: (error: Error) => void
}

/** An open server, until `close()` has resolved. */
export interface OpenServer {
  /** All faces, for a host application or our own server. */
  faces: FastifyPluginAsync
  http: Omit<HttpServerParts, 'log'>
  sandbox: SandboxReport
  runs: Runs
  delivery: Delivery
  realtime: Realtime
  auth: Authenticator
  /** An admin token that lives as long as this server. */
  localToken: string
  address: PublicAddress
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
  { config: configured, log, principal, hooks, demo = false, onFatal }: ServerOptions,
  releases: (() => unknown)[],
  close: () => Promise<void>,
): Promise<OpenServer> {
  const lock = await codedStorage(() => lockDataDir(configured.dataDir))
  releases.push(() => lock.release())

  const { config, model } = await chooseModel(configured, demo ? log : null, releases)
  const metrics = new Metrics()
  const sqlite = await codedStorage(() =>
    openSqliteStore({
      dataDir: config.dataDir,
      onBatch: (batch) => metrics.store.batch(batch),
      ...(onFatal === undefined ? {} : { onFatal }),
    }),
  )
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

  // A source of wake-ups is one entry here.
  const wakeups = new Wakeups([localWakeups(store)])
  releases.push(() => wakeups.close())
  const delivery = new Delivery({ store, wakeups })
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
  const kinds = composeKinds(config, model, log)
  releases.push(() => kinds.tested)
  const runs = new Runs({
    store,
    kinds: kinds.all,
    projects: config.projects,
    sandbox,
    endLeftovers,
    eventBytes: config.limits.eventBytes,
    node,
    now,
    log,
    shutdownGraceMs,
    ...(config.policy && { approvalSeconds: config.policy.approvalSeconds }),
  })
  metrics.observe({
    version: packageVersion,
    boundary: sandbox.report.boundary,
    kinds: kinds.all.map(({ kind }) => kind),
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
  const address = new PublicAddress()
  const readiness = (): Readiness => {
    if (draining) return { ready: false, status: 'draining' }
    const status = store.status().kind
    return status === 'ok' ? { ready: true, status: 'ok' } : { ready: false, status: `storage_${status}` }
  }
  const retention = new Retention({ store, rule: config.retention, now, log })
  releases.push(startSweeper({ retention, log, after: monotonicClock.after }))
  const parts: FacesParts = {
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
    agent: kinds.agentStatus,
    version: packageVersion,
    readiness,
    address,
    hostPrincipal: principal ?? null,
  }
  const faces = composeFaces(parts)
  return {
    faces,
    http: httpServerParts(parts, faces),
    sandbox: sandbox.report,
    runs,
    delivery,
    realtime,
    auth,
    localToken,
    address,
    drain: async () => {
      draining = true
      retention.stop()
      await runs.shutdown()
      await Promise.all([delivery.drain(drainMs), realtime.drain(drainMs)])
    },
    close,
  }
}

async function lockDataDir(dataDir: string) {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  return acquireDataDirLock(dataDir)
}

/** Gives a failure to open the storage its code; the operating system's own says nothing to a caller. */
async function codedStorage<Opened>(open: () => Promise<Opened>): Promise<Opened> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('storage_failed', messageOf(error), { cause: error })
  }
}
