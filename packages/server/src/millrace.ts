/**
 * Millrace inside somebody else's application. Nothing listens, traps signals or exits; importing
 * and creating open nothing, `start()` does, and `stop()` releases all of it.
 */
import type { IncomingMessage } from 'node:http'
import { type LogEvent, MillraceError, type Run, type StartRunBody } from '@millrace/protocol'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import type { Logger } from 'pino'
import type { Principal } from './auth/principal.ts'
import { loadConfig } from './config/load.ts'
import type { ConfigFile } from './config/schema.ts'
import { type ExpressMiddleware, expressMiddleware } from './faces/express.ts'
import { type OpenServer, openServer } from './server.ts'
import { createLog } from './telemetry/log.ts'

export interface MillraceOptions {
  /**
   * Who a request of the host application comes from; null refuses it with 401. Without it the faces
   * want Millrace's own bearer tokens.
   */
  principal?: (request: IncomingMessage) => Principal | null | Promise<Principal | null>
  /** Where the log of all runs is kept. Default: a directory of its own under the user's state directory. */
  dataDir?: string
  /** What relative paths in the configuration are relative to. Default: the current directory. */
  cwd?: string
  log?: Logger
  /** Told when the disk failed and the store acknowledges nothing any more. Default: rethrown. */
  onFatal?: (error: Error) => void
}

/** Runs, for the program we live in. Without a principal, calls act as an admin named `admin`. */
export interface EmbeddedRuns {
  start(body: StartRunBody, principal?: Principal, options?: { idempotencyKey?: string }): Promise<Run>
  get(id: string, principal?: Principal): Promise<Run>
  list(
    filter?: { kind?: Run['kind']; state?: Run['state']; project?: string; limit?: number; cursor?: string },
    principal?: Principal,
  ): Promise<{ runs: Run[]; nextCursor: string | null }>
  abort(id: string, principal?: Principal): Promise<Run>
  retry(id: string, principal?: Principal): Promise<Run>
  /** The events after `after`, then live ones; ends after the terminal event. */
  follow(
    id: string,
    options?: { after?: number; types?: readonly string[]; signal?: AbortSignal; principal?: Principal },
  ): AsyncIterable<LogEvent>
}

export interface Millrace {
  start(): Promise<void>
  /** Ends active runs as interrupted, flushes and ends every stream, closes the store. */
  stop(): Promise<void>
  /** Middleware with all faces; what it does not know goes to the next one. */
  express(): ExpressMiddleware
  /** The same as a Fastify plugin: `app.register(millrace.fastify, { prefix: '/work' })`. */
  readonly fastify: FastifyPluginAsync
  readonly runs: EmbeddedRuns
}

const localAdmin: Principal = { user: 'admin', admin: true }

export function createMillrace(config: ConfigFile, options: MillraceOptions = {}): Millrace {
  let opening: Promise<OpenServer> | null = null
  let middlewareApp: FastifyInstance | null = null

  const opened = (): Promise<OpenServer> => {
    if (opening === null) throw new MillraceError('draining', 'Call start() first')
    return opening
  }

  const open = async (): Promise<OpenServer> => {
    const log = options.log ?? createLog(process.env.LOG_LEVEL ?? 'warn')
    const loaded = await loadConfig({
      flags: { data: options.dataDir },
      env: process.env,
      cwd: options.cwd ?? process.cwd(),
      content: config,
    })
    return openServer({
      config: loaded,
      log,
      ...(options.principal === undefined ? {} : { principal: options.principal }),
      onFatal:
        options.onFatal ??
        ((error) => {
          throw error
        }),
    })
  }

  const plugin: FastifyPluginAsync = async (app) => {
    await app.register((await opened()).plugin)
  }

  return {
    start: async () => {
      opening ??= open()
      await opening
    },
    stop: async () => {
      if (opening === null) return
      const server = await opening
      opening = null
      await server.drain()
      await middlewareApp?.close()
      middlewareApp = null
      await server.close()
    },
    express: () =>
      expressMiddleware(async () => {
        if (middlewareApp === null) {
          middlewareApp = Fastify({ routerOptions: { maxParamLength: 255 } })
          middlewareApp.register(plugin)
        }
        return middlewareApp
      }),
    fastify: plugin,
    runs: {
      start: async (body, principal = localAdmin, start = {}) =>
        (await (await opened()).runs.start(body, principal, start)).run,
      get: async (id, principal = localAdmin) => (await opened()).runs.get(id, principal),
      list: async ({ limit = 50, ...filter } = {}, principal = localAdmin) =>
        (await opened()).runs.list({ ...filter, limit }, principal),
      abort: async (id, principal = localAdmin) => (await opened()).runs.abort(id, principal),
      retry: async (id, principal = localAdmin) => (await opened()).runs.retry(id, principal),
      async *follow(id, { principal = localAdmin, ...follow } = {}) {
        const { runs, delivery } = await opened()
        await runs.get(id, principal)
        for await (const { seq, at, type, json } of delivery.iterate(id, follow)) {
          yield { seq, at, type, data: JSON.parse(json) }
        }
      },
    },
  }
}
