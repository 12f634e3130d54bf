/**
 * Millrace inside a host application. Nothing listens, traps signals or exits. Importing and creating open
 * nothing; `start()` opens everything, and `stop()` releases all of it.
 *
 * Owns the open server, if there is one. Invariants: starts and stops run one after another, in the order
 * they were called; a start that failed leaves nothing open and can be repeated.
 */
import type { IncomingMessage } from 'node:http'
import { MillraceError } from '@millrace/protocol'
import type { FastifyBaseLogger, FastifyPluginAsync } from 'fastify'
import type { Logger } from 'pino'
import { type OpenServer, openServer } from '#compose/server'
import { loadConfig } from '#config/load'
import type { ConfigFile } from '#config/schema'
import { enterRunning, leaveRunning } from '#embed/agent-sessions/running'
import { RunHooks } from '#realtime/hooks'
import { createLog } from '#telemetry/log'
import { type ExpressMiddleware, expressMiddleware } from './express.ts'
import { type EmbeddedRealtime, embeddedRealtime } from './realtime.ts'
import { checkedPrincipal, type EmbeddedRuns, embeddedRuns, type HostPrincipal } from './runs.ts'

export interface MillraceOptions {
  /**
   * Identifies the user behind a request of the host application: a name, or `{user, admin}`; null refuses
   * the request with 401. The request is Node's own, which Express extends; in a Fastify application it is
   * `request.raw`. Without this option the faces require Millrace's own bearer tokens.
   */
  principal?: (request: IncomingMessage) => HostPrincipal | null | Promise<HostPrincipal | null>
  /** Where runs and their logs are kept. Default: a directory of its own below the user's state directory. */
  dataDir?: string
  /** The base of relative paths in the configuration. Default: the current directory. */
  cwd?: string
  /** Default: lines of JSON on stderr, at `LOG_LEVEL` (else `warn`) and above. */
  log?: Logger
  /**
   * Called when the disk has failed and the store no longer acknowledges anything. Default: the failure is
   * logged. The host application decides whether to continue: every call fails with `storage_failed`.
   */
  onFatal?: (error: Error) => void
}

export interface Millrace {
  /**
   * Opens the data directory, closes the runs that a crash left open, and begins to take runs from the
   * queue. Does nothing when started already. Fails with a ConfigError that lists every problem, with a
   * DataDirInUse, or with `storage_failed`.
   */
  start(): Promise<void>
  /** Ends active runs as interrupted, flushes and ends every stream, closes the store. A new start may follow. */
  stop(): Promise<void>
  /**
   * Returns middleware with all faces, for any mount path; unknown paths go to the next middleware. May be
   * called before `start()`; until then, requests are passed on with an error (503).
   */
  express(): ExpressMiddleware
  /**
   * The same as a Fastify plugin: `app.register(millrace.fastify, { prefix: '/millrace' })`. Start first;
   * its routes belong to that start, and answer 503 after the stop.
   */
  readonly fastify: FastifyPluginAsync
  readonly runs: EmbeddedRuns
  readonly realtime: EmbeddedRealtime
}

/** What exists from a start to its stop. */
interface Life {
  server: OpenServer
  /** The faces, as a host application's plugin. */
  plugin: FastifyPluginAsync
  middleware(): Promise<ExpressMiddleware>
}

/** `config` has the content of a configuration file. Nothing is opened or checked before `start()`. */
export function createMillrace(config: ConfigFile, options: MillraceOptions = {}): Millrace {
  const hooks = new RunHooks()
  let life: Life | null = null
  /** The previous one: after a stop it still makes streams that reconnect try again. */
  let ended: Life | null = null
  let starting: Promise<Life> | null = null
  let turn: Promise<unknown> = Promise.resolve()

  const inTurn = <Result>(action: () => Promise<Result>): Promise<Result> => {
    const done = turn.then(action)
    turn = done.catch(() => {})
    return done
  }

  const alive = async (): Promise<Life> => {
    const found = life ?? (await starting)
    if (found === null) throw new MillraceError('draining', 'Millrace is not running: await start() first')
    return found
  }

  const plugin: FastifyPluginAsync = async (app) => {
    await app.register((await alive()).plugin)
  }

  const runs = embeddedRuns(async () => (await alive()).server)
  const host = { runs }

  return {
    async start() {
      const mine = inTurn(async () => {
        life ??= await open(config, options, hooks)
        enterRunning(host)
        return life
      })
      starting = mine
      try {
        await mine
      } finally {
        if (starting === mine) starting = null
      }
    },
    stop: () =>
      inTurn(async () => {
        if (life === null) return
        leaveRunning(host)
        try {
          await life.server.drain()
        } finally {
          ended = life
          life = null
          await ended.server.close()
        }
      }),
    express: () => (request, response, next) => {
      const answering = life ?? (starting === null ? ended : null)
      Promise.resolve(answering ?? alive())
        .then(({ middleware }) => middleware())
        .then((answer) => answer(request, response, next))
        .catch(next)
    },
    fastify: plugin,
    runs,
    realtime: embeddedRealtime(async () => (await alive()).server, hooks),
  }
}

async function open(config: ConfigFile, options: MillraceOptions, hooks: RunHooks): Promise<Life> {
  const { dataDir, cwd = process.cwd(), principal } = options
  const loaded = await loadConfig({ flags: { data: dataDir }, env: process.env, cwd, content: config })
  const log = options.log ?? createLog(process.env.LOG_LEVEL ? loaded.logLevel : 'warn')
  for (const notice of loaded.notices ?? []) log.info(notice)
  for (const warning of loaded.warnings) log.warn(warning)
  const server = await openServer({
    config: loaded,
    log,
    hooks,
    ...(principal && { principal: async (request) => checkedPrincipal(await principal(request)) }),
    onFatal: (error) => {
      log.fatal({ err: error }, 'the store failed and no longer acknowledges anything')
      options.onFatal?.(error)
    },
  })
  const plugin: FastifyPluginAsync = async (app) => {
    // The host application's limit is for its own routes.
    app.addHook('onRoute', (route) => {
      route.bodyLimit ??= loaded.limits.bodyBytes
    })
    await app.register(server.faces)
  }
  let middleware: Promise<ExpressMiddleware> | null = null
  return {
    server,
    plugin,
    middleware: () => {
      middleware ??= expressMiddleware(plugin, log as unknown as FastifyBaseLogger)
      return middleware
    },
  }
}
