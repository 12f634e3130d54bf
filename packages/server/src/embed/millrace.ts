/**
 * Millrace inside somebody else's application. Nothing listens, traps signals or exits; importing
 * and creating open nothing, `start()` does, and `stop()` releases all of it.
 *
 * Owns the open server, if there is one. Invariants: starts and stops happen one after the other, in
 * the order they were asked for; a start that failed leaves nothing open and can be tried again.
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
   * Who a request of the host application comes from: the name of a user, or `{user, admin}`; null
   * refuses it with 401. The request is Node's
   * own, which Express extends; in a Fastify application it is `request.raw`. Without it the faces
   * want Millrace's own bearer tokens.
   */
  principal?: (request: IncomingMessage) => HostPrincipal | null | Promise<HostPrincipal | null>
  /** Where the log of all runs is kept. Default: a directory of its own under the user's state directory. */
  dataDir?: string
  /** What relative paths in the configuration are relative to. Default: the current directory. */
  cwd?: string
  /** Default: lines of JSON on stderr, from `LOG_LEVEL` (else `warn`) on. */
  log?: Logger
  /**
   * Told when the disk failed and the store acknowledges nothing any more. Default: only logged. The
   * host application decides whether to go on without its runs: every call fails with `storage_failed`.
   */
  onFatal?: (error: Error) => void
}

export interface Millrace {
  /**
   * Opens the data directory, closes what a crash left open, and begins to take runs from the queue.
   * Does nothing when it has happened. Fails with a ConfigError that lists every problem, or when
   * another server holds the data directory.
   */
  start(): Promise<void>
  /** Ends active runs as interrupted, flushes and ends every stream, closes the store. May be followed by a start. */
  stop(): Promise<void>
  /**
   * Middleware with all faces, under whatever path it is mounted; what it does not know goes to the
   * next one. May be made before `start()`; requests that come before it go on as an error (503).
   */
  express(): ExpressMiddleware
  /**
   * The same as a Fastify plugin: `app.register(millrace.fastify, { prefix: '/millrace' })`. Start first;
   * its routes belong to that start and answer 503 after the stop.
   */
  readonly fastify: FastifyPluginAsync
  readonly runs: EmbeddedRuns
  readonly realtime: EmbeddedRealtime
}

/** What lives from a start to its stop. */
interface Life {
  server: OpenServer
  /** The faces, as a host application's plugin. */
  plugin: FastifyPluginAsync
  middleware(): Promise<ExpressMiddleware>
}

/** `config` is what a configuration file would hold. Opens nothing and checks nothing before `start()`. */
export function createMillrace(config: ConfigFile, options: MillraceOptions = {}): Millrace {
  const hooks = new RunHooks()
  let life: Life | null = null
  /** The one before: a stream that reconnects after a stop is still told to come back. */
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
  for (const warning of loaded.warnings) log.warn(warning)
  const server = await openServer({
    config: loaded,
    log,
    hooks,
    ...(principal && { principal: async (request) => checkedPrincipal(await principal(request)) }),
    onFatal: (error) => {
      log.fatal({ err: error }, 'the store failed: nothing is acknowledged any more')
      options.onFatal?.(error)
    },
  })
  const plugin: FastifyPluginAsync = async (app) => {
    // The host application's own limit is for its own routes.
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
