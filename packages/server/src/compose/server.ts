/**
 * The composition root: the only file that knows all parts. Importing it opens nothing; `start()`
 * opens and `stop()` releases, in the reverse order.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { MillraceError, messageOf } from '@millrace/protocol'
import { endLeftovers, openSandbox, type SandboxReport } from '@millrace/sandbox'
import type { FastifyPluginAsync } from 'fastify'
import type { Logger } from 'pino'
import { OpenStreams } from '#admission/open-streams'
import { checkClaudeRunner } from '#agents/claude/check'
import { type ClaudeRunnerOptions, createClaudeRunner } from '#agents/claude/runner'
import { Authenticator } from '#auth/authenticator'
import { createJwtVerifier } from '#auth/jwt'
import { newSecret } from '#auth/secrets'
import type { Config } from '#config/config'
import { Delivery } from '#delivery/delivery'
import type { AgentStatus } from '#faces/native/catalogue'
import type { Readiness } from '#faces/native/service'
import type { HostPrincipalOf } from '#http/guard'
import type { HttpServerParts } from '#http/server'
import { RunHooks } from '#realtime/hooks'
import { Realtime } from '#realtime/realtime'
import { Retention } from '#retention/retention'
import { startSweeper } from '#retention/sweeper'
import { prepareJob } from '#runners/job/prepare'
import { createCommandRunner } from '#runners/job/runner'
import type { KindOfRun } from '#runners/kind'
import { prepareSession } from '#runners/session/prepare'
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
import { type Demo, demoProjectId, openDemo } from './demo.ts'
import { composeFaces, type FacesParts, httpServerParts } from './faces.ts'
import { packageVersion } from './package-version.ts'
import { PublicAddress } from './public-address.ts'

export interface ServerOptions {
  config: Config
  log: Logger
  /** Maps a host application's user. Absent: this server authenticates by itself. */
  principal?: HostPrincipalOf
  /** What an embedding program is told of runs. */
  hooks?: RunHooks
  /** Offer the scripted demo model, and a project for it, where no model is configured. */
  demo?: boolean
  /** Told when the store can no longer be trusted: the process should end. */
  onFatal?: (error: Error) => void
}

/** What is open between start() and stop(). */
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

/** Where agent sessions find their model, unless `ANTHROPIC_BASE_URL` says otherwise. */
const defaultModelUrl = 'https://api.anthropic.com'

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

  const { config, model } = await withModel(configured, demo ? log : null, releases)
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
  const sessions = openSessions(config, model, log)
  releases.push(() => sessions.checked)
  const kinds: KindOfRun[] = [
    {
      kind: 'job',
      runner: createCommandRunner({ tools: config.tools, eventBytes: config.limits.eventBytes }),
      concurrency: config.concurrency.job,
      prepare: (request) => prepareJob(request, config),
    },
    sessions.kind,
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
    ...(config.policy && { approvalSeconds: config.policy.approvalSeconds }),
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
    agent: sessions.status,
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

type Model = ClaudeRunnerOptions['model'] | null

/** The model of agent sessions: the configured one, else the demo's where one is wanted, with its project. */
async function withModel(
  config: Config,
  /** Null: no demo is wanted. */
  demoLog: Logger | null,
  releases: (() => unknown)[],
): Promise<{ config: Config; model: Model }> {
  const { apiKey, baseUrl } = config.anthropic
  if (apiKey !== undefined || baseUrl !== undefined) {
    return { config, model: { baseUrl: baseUrl ?? defaultModelUrl, apiKey, demo: false } }
  }
  const demo = demoLog === null ? null : await tryDemo(config, demoLog)
  if (demo === null) return { config, model: null }
  releases.push(() => demo.close())
  const model: Model = { baseUrl: demo.baseUrl, apiKey: undefined, demo: true }
  demoLog?.warn('AGENT SESSIONS: there is no ANTHROPIC_API_KEY: the scripted demo model answers, and no AI')
  const { project } = demo
  if (project === null) return { config, model }
  return { config: { ...config, projects: new Map([...config.projects, [project.id, project]]) }, model }
}

/** A demo is no reason not to start. */
async function tryDemo({ dataDir, configFile, projects }: Config, log: Logger): Promise<Demo | null> {
  // Who has written a configuration has said which projects there are.
  const withProject = configFile === null && !projects.has(demoProjectId)
  try {
    return await openDemo(dataDir, { withProject })
  } catch (error) {
    log.warn({ err: error }, 'the demo could not be opened')
    return null
  }
}

/** Agent sessions as a kind of run. `checked` settles when their self-test has; it never rejects. */
function openSessions(
  config: Config,
  model: Model,
  log: Logger,
): { kind: KindOfRun; status: () => AgentStatus; checked: Promise<string[]> } {
  const options: ClaudeRunnerOptions = {
    agent: config.agent,
    policy: config.policy,
    model: model ?? { baseUrl: defaultModelUrl, apiKey: undefined, demo: false },
    hidden: [config.dataDir],
    home: homedir(),
  }
  const missing = 'Agent sessions need a model: set ANTHROPIC_API_KEY'
  let problems = model === null ? [missing] : []
  const checked = model === null ? Promise.resolve(problems) : check()

  async function check(): Promise<string[]> {
    const found = await checkClaudeRunner(options)
    problems = found.problems
    for (const problem of problems) log.warn(`AGENT SESSIONS: ${problem}`)
    if (found.unknownTools.length > 0) {
      const names = found.unknownTools.join(', ')
      log.warn(`policy.allowedTools has names that the agent SDK does not know: ${names}`)
    }
    return problems
  }

  const refuse = () => {
    if (problems.length > 0) throw new MillraceError('agent_unavailable', problems.join('; '))
  }
  const runner = createClaudeRunner(options)
  return {
    checked,
    status: () =>
      problems.length === 0
        ? { available: true, demo: options.model.demo }
        : { available: false, demo: false, reason: problems.join('; ') },
    kind: {
      kind: 'session',
      concurrency: config.concurrency.session,
      prepare: (request) => {
        refuse()
        return prepareSession(request, config)
      },
      runner: {
        ...runner,
        // A session that was started while the self-test ran waits for it.
        run: async (context) => {
          await checked
          refuse()
          return runner.run(context)
        },
      },
    },
  }
}
