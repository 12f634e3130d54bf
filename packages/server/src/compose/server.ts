/**
 * The composition root: opens every part in order. Importing it opens nothing; `openServer()` does.
 * `drain()` and then `close()` release all of it, in the reverse order.
 */
import { randomUUID } from 'node:crypto'
import {
  endLeftovers,
  type OpenSandbox,
  openSandbox,
  type Sandbox,
  type SandboxReport,
} from '@millrace/sandbox'
import type { FastifyPluginAsync } from 'fastify'
import type { Logger } from 'pino'
import type { Authenticator } from '#auth/authenticator'
import type { Config } from '#config/config'
import { Delivery } from '#delivery/delivery'
import type { AdminFaceParts } from '#faces/native/admin'
import type { Readiness } from '#faces/native/service'
import type { HostPrincipalOf } from '#http/guard'
import { PublicAddress } from '#http/public-address'
import type { HttpServerParts } from '#http/server'
import type { Placement } from '#nodes/placement'
import { PushNotifier } from '#push/notifier'
import { PushSubscriptions } from '#push/subscriptions'
import { RunHooks } from '#realtime/hooks'
import { Realtime } from '#realtime/realtime'
import { storageReport } from '#retention/report'
import { Retention } from '#retention/retention'
import { startSweeper } from '#retention/sweeper'
import type { Placed } from '#runs/dispatcher'
import { Runs } from '#runs/runs'
import { Metrics } from '#telemetry/metrics'
import type { ObservedStore } from '#telemetry/observed-store'
import { monotonicClock } from '#time/clock'
import { localWakeups } from '#wakeups/local'
import { sharedWakeups } from '#wakeups/shared'
import { Wakeups } from '#wakeups/wakeups'
import { openWorktrees } from '#worktrees/open'
import type { Worktrees } from '#worktrees/worktrees'
import { offeredAgents } from './acp.ts'
import { openCallers } from './callers.ts'
import { composeFaces, type FacesParts, httpServerParts } from './faces.ts'
import { composeKinds, type Kinds } from './kinds.ts'
import { chooseModel, type ModelChoice } from './model.ts'
import { announcementOf } from './nodes/announcing.ts'
import {
  agentOf,
  boundaryOf,
  type Connected,
  openPlacement,
  openPost,
  placedBy,
  servingOnly,
} from './nodes/nodes.ts'
import { packageVersion } from './package-version.ts'
import { type Releases, releaseAll } from './releases.ts'
import { holdDataDir, openStorage, type StorageParts } from './storage.ts'

export interface ServerOptions {
  config: Config
  log: Logger
  /** Identifies a host application's user. Absent: this server does its own authentication. */
  principal?: HostPrincipalOf
  /** Listeners of a host application. */
  hooks?: RunHooks
  /** Offers the scripted demo model, and a project for it, if no model is configured. */
  demo?: boolean
  /** What `millrace doctor` says on this machine. Absent: nobody asks over HTTP. */
  checks?: AdminFaceParts['checks']
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
  const releases: Releases = []
  try {
    return await open(options, releases)
  } catch (error) {
    await releaseAll(releases)
    throw error
  }
}

async function open(options: ServerOptions, releases: Releases): Promise<OpenServer> {
  const { log, onFatal } = options
  await holdDataDir(options.config.dataDir, releases)
  const role = options.config.store?.role ?? 'all'
  const demo = options.demo && options.config.store === undefined
  const own = await chooseModel(options.config, demo ? log : null, releases)
  const metrics = new Metrics()
  const node = randomUUID()
  const [store, sandbox] = await openGround({ config: own.config, node, metrics, log, onFatal }, releases)
  const { shared } = store
  const serving = role === 'web' ? await openPlacement(store, null, log, releases) : null
  const chosen = serving === null ? { ...own, catalogue: own.config } : servingOnly(own.config, serving)
  const { config } = chosen
  const base: Base = {
    config,
    store,
    metrics,
    log,
    node,
    now: shared?.now ?? (() => Date.now()),
    ...openPost(store, log, releases),
  }
  const { delivery, realtime } = openWatching(base, options.hooks ?? new RunHooks(), releases)
  const { worktrees, kinds } = await openWork(chosen, { ...base, sandbox }, serving === null, releases)
  const { boundary } = sandbox.report
  const announced = () => announcementOf({ config, kinds, boundary })
  const placement = serving ?? (await openPlacement(store, announced, log, releases))
  const runs = composeRuns(base, sandbox, kinds, placedBy(placement, config, kinds))
  observe(base, { sandbox, kinds, runs, delivery, realtime })
  endWithStore(base, { runs, delivery }, onFatal, releases)
  await runs.open()
  const callers = await openCallers({ ...base, credentials: store.credentials }, releases)
  const retention = openRetention({ ...base, sandbox, worktrees }, releases)

  let draining = false
  const readiness = () => readinessOf(store, draining)
  const opened = { runs, delivery, realtime, ...callers, address: new PublicAddress(config.http.publicUrl) }
  const parts: FacesParts = {
    ...opened,
    config,
    elsewhere: base.elsewhere,
    countEverywhere: shared?.count ?? null,
    pages: store,
    retention,
    worktrees,
    ...operationsOf(base, options, releases),
    metrics,
    sandbox: () => (serving === null ? sandbox.report : boundaryOf(serving)),
    ...agentsOf({ serving, kinds, sandbox, config }),
    catalogue: chosen.catalogue,
    onlyWorks: role === 'worker',
    version: packageVersion,
    readiness,
    hostPrincipal: options.principal ?? null,
  }
  const faces = composeFaces(parts)
  return {
    ...opened,
    faces,
    http: httpServerParts(parts, faces),
    sandbox: sandbox.report,
    drain: async () => {
      draining = true
      retention.stop()
      await runs.shutdown()
      await Promise.all([delivery.drain(drainMs), realtime.drain(drainMs)])
    },
    close: () => releaseAll(releases),
  }
}

function readinessOf(store: Pick<ObservedStore, 'status'>, draining: boolean): Readiness {
  if (draining) return { ready: false, status: 'draining' }
  const status = store.status().kind
  return status === 'ok' ? { ready: true, status: 'ok' } : { ready: false, status: `storage_${status}` }
}

interface Observed {
  sandbox: OpenSandbox
  kinds: Kinds
  runs: Runs
  delivery: Delivery
  realtime: Realtime
}

function observe({ metrics, store }: Base, { sandbox, kinds, runs, delivery, realtime }: Observed): void {
  metrics.observe({
    version: packageVersion,
    boundary: sandbox.report.boundary,
    kinds: kinds.all.map(({ kind }) => kind),
    activeRuns: () => runs.activeCount,
    queueCounts: (kind) => store.queueCounts(kind),
    uncommittedBytes: () => store.uncommittedBytes(),
    storeStatus: () => store.status(),
    largestOwners: (limit) => store.largestOwners(limit),
    delivery: () => delivery.stats(),
    realtime: () => realtime.stats(),
  })
}

/**
 * A node whose lease is about to end stops what it works on: others will take it over. One whose database has another history
 * tells its followers.
 */
function endWithStore(
  { store: { shared }, log }: Base,
  { runs, delivery }: Pick<Observed, 'runs' | 'delivery'>,
  onFatal: ServerOptions['onFatal'],
  releases: Releases,
): void {
  if (shared === undefined) return
  const stop = shared.onLeaseEnding((reason) => {
    log.fatal({ reason }, 'the runs of this node are ended: other nodes are about to take them over')
    void runs.abandon().finally(() => onFatal?.(new Error(reason)))
  })
  releases.push(
    stop,
    shared.onHistoryChanged(() => delivery.startOver()),
  )
}

/** Which kinds there are, and the worktrees that sessions may have. */
async function openWork(
  chosen: ModelChoice,
  parts: Base & { sandbox: OpenSandbox },
  works: boolean,
  releases: Releases,
): Promise<{ worktrees: Worktrees; kinds: Kinds }> {
  const worktrees = openWorktrees(parts)
  if (works) await worktrees.recover()
  const kinds = composeKinds(chosen, parts.log, { tests: works, worktrees: works ? worktrees : null })
  releases.push(() => kinds.close())
  return { worktrees, kinds }
}

/** Whether the built-in agent can work, and which agents there are. */
function agentsOf(parts: {
  serving: Placement | null
  kinds: Kinds
  sandbox: OpenSandbox
  config: Config
}): Pick<FacesParts, 'agent' | 'agents'> {
  const { serving, kinds, sandbox, config } = parts
  const agent = () => (serving === null ? kinds.agentStatus() : agentOf(serving))
  const path = serving === null ? (sandbox.report.path?.directories ?? []) : null
  return { agent, agents: () => offeredAgents(agent(), config.agents, path) }
}

function openRetention(
  parts: Base & { sandbox: OpenSandbox; worktrees: Worktrees },
  releases: Releases,
): Retention {
  const retention = new Retention({
    ...parts,
    rule: parts.config.retention,
    kept: [parts.sandbox.homes, parts.sandbox.quarantine],
    also: () => parts.worktrees.sweep(parts.config.worktrees),
  })
  releases.push(startSweeper({ retention, log: parts.log, after: monotonicClock.after }))
  return retention
}

/** What most parts are built from. */
interface Base extends Connected {
  config: Config
  store: ObservedStore
  metrics: Metrics
  log: Logger
  /** Names this process among those that share a store. */
  node: string
  /** Of a store that nodes share, its time. */
  now: () => number
}

/** Opens both at once: the sandbox tests itself in other processes, the store opens in its threads. */
async function openGround(
  parts: StorageParts & { config: Config },
  releases: Releases,
): Promise<[ObservedStore, OpenSandbox]> {
  const opening = [openStorage(parts, releases), openBoundary(parts.config, parts.log, releases)] as const
  // None is left behind when the other has failed.
  await Promise.allSettled(opening)
  return Promise.all(opening)
}

async function openBoundary(config: Config, log: Logger, releases: Releases): Promise<OpenSandbox> {
  // A node that only serves runs nothing: there is nothing to be kept apart.
  const servesOnly = config.store?.role === 'web'
  const sandbox = await openSandbox({
    mode: servesOnly ? 'off' : config.sandbox.mode,
    refuseRoot: config.sandbox.mode === 'required' && !config.sandbox.rootProjects,
    readPaths: config.sandbox.read,
    certificates: config.sandbox.certificates,
    cache: config.sandbox.cacheBytesMax > 0 ? { bytesMax: config.sandbox.cacheBytesMax } : undefined,
    sizes: { temporaryBytes: config.sandbox.tmpBytes, homeBytes: config.sandbox.homeBytes },
    dataDir: config.dataDir,
    configFile: config.configFile,
    projects: [...config.projects.values()],
  })
  releases.push(() => sandbox.close())
  for (const warning of servesOnly ? [] : sandbox.report.warnings) log.warn(`Sandbox: ${warning}`)
  return sandbox
}

function openWatching(
  { config, store, log, node, now, elsewhere }: Base,
  hooks: RunHooks,
  releases: Releases,
): { delivery: Delivery; realtime: Realtime } {
  // A source of wake-ups is one entry here.
  const { shared } = store
  const sources = shared === undefined ? [] : [sharedWakeups(shared, monotonicClock.after)]
  const wakeups = new Wakeups([localWakeups(store), ...sources])
  releases.push(() => wakeups.close())
  const delivery = new Delivery({ store, wakeups })
  releases.push(() => delivery.close())
  const publicTopics = config.realtime?.publicTopics ?? []
  const realtime = new Realtime({ store, publicTopics, hooks, node, now, log, elsewhere })
  releases.push(() => realtime.close())
  return { delivery, realtime }
}

function composeRuns(
  { config, store, log, node, now }: Base,
  sandbox: Sandbox,
  kinds: Kinds,
  placement: Placed | null,
): Runs {
  return new Runs({
    store,
    kinds: kinds.all,
    projects: config.projects,
    sandbox,
    endLeftovers,
    eventBytes: config.limits.eventBytes,
    ownerBytesMax: config.limits.ownerBytes,
    node,
    now,
    log,
    shutdownGraceMs,
    ...(placement !== null && { placement }),
    ...(config.policy && { approvalSeconds: config.policy.approvalSeconds }),
  })
}

function operationsOf(base: Base, { checks = null }: ServerOptions, releases: Releases) {
  const { config, store } = base
  const storage = () =>
    storageReport({
      store,
      dataDir: config.dataDir,
      isEmbedded: config.store === undefined,
      rule: config.retention,
      ownerBytesMax: config.limits.ownerBytes,
    })
  return { push: openPush(base, releases), storage, checks }
}

/** What services take as a contact where nothing is known. */
const nobody = 'mailto:operator@millrace.invalid'

function openPush({ config, store, now, log }: Base, releases: Releases): PushSubscriptions {
  const { services, contact } = config.push
  const { publicUrl } = config.http
  const subscriptions = new PushSubscriptions({ credentials: store.credentials, services, now })
  const notifier = new PushNotifier({
    store,
    subscriptions,
    contact: contact ?? (publicUrl?.startsWith('https:') ? publicUrl : nobody),
    now,
    log,
  })
  releases.push(() => notifier.close())
  return subscriptions
}
