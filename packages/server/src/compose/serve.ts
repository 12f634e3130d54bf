/** The program: an open server that listens, leaves its address for local clients, and stops in order. */

import { once } from 'node:events'
import { rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type ListenOptions } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance, FastifyListenOptions } from 'fastify'
import type { Logger } from 'pino'
import type { Config } from '#config/config'
import { loginUrl } from '#faces/native/login'
import { createHttpServer, type HttpServerOptions } from '#http/server'
import { collectGarbage } from '#memory/collect'
import { capacityProblems, readCapacity } from './capacity.ts'
import { openServer, type ServerOptions } from './server.ts'

export interface Serving {
  /** Where it listens: `http://127.0.0.1:4000`. */
  url: string
  /** Where clients reach it: `http.publicUrl`, else the same. */
  publicUrl: string
  /** Logs one browser in, once, within 10 minutes. */
  loginUrl: string
  /** Ends active runs as interrupted, flushes followers, closes everything. */
  stop(reason: string): Promise<void>
}

export interface ServeOptions extends Pick<ServerOptions, 'checks'> {
  config: Config
  log: Logger
  onFatal: (error: Error) => void
  /** Overrides defaults of the HTTP server. */
  http?: HttpServerOptions
}

/** How many connections may wait to be accepted: a storm of reconnecting followers must find room. */
const backlog = 65_535

/** By then the self-tests of a start are over; what loading left behind, a third of the heap, is given back. */
const settledAfterMs = 3000

export async function serve({ config, log, onFatal, checks, http }: ServeOptions): Promise<Serving> {
  const problems = capacityProblems(readCapacity())
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const server = await openServer({ config, log, demo: true, onFatal, ...(checks && { checks }) })
  try {
    const app = await createHttpServer({ ...server.http, log }, http)
    const { reusePort } = config.http
    await listenQuietly(app, { host: config.host, port: config.port, backlog, reusePort })
    const url = addressOf(config.host, app.server.address())
    server.address.set(url)
    const card = join(config.dataDir, 'server.json')
    const own = reusePort ? await openOwnDoor(app) : { url, close: () => {} }
    await writeCard(card, { url: own.url, token: server.localToken, pid: process.pid, startedAt: Date.now() })
    const { code } = await server.auth.createLoginCode({ user: 'admin', admin: true })
    const settling = setTimeout(() => collectGarbage(true), settledAfterMs).unref()
    log.info({ url, dataDir: config.dataDir, sandbox: server.sandbox.boundary }, 'listening')
    return {
      url,
      publicUrl: server.address.url,
      loginUrl: loginUrl(server.address.url, code),
      stop: async (reason) => {
        log.info({ reason }, 'stopping')
        clearTimeout(settling)
        await server.drain()
        own.close()
        await app.close()
        await rm(card, { force: true })
        await server.close()
        log.info('stopped')
      },
    }
  } catch (error) {
    await server.drain()
    await server.close()
    throw error
  }
}

/**
 * Opens another port, on loopback, for programs that must reach this very node: a connection to a port that nodes share
 * reaches any of them.
 */
async function openOwnDoor(app: FastifyInstance): Promise<{ url: string; close: () => void }> {
  const door = createServer((socket) => app.server.emit('connection', socket))
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  return { url: addressOf('127.0.0.1', door.address()), close: () => void door.close() }
}

/** Silences Fastify's own line for each address, which cannot be switched off; ours says more. */
async function listenQuietly(
  app: FastifyInstance,
  // Fastify hands its options on to `net`.
  options: FastifyListenOptions & Pick<ListenOptions, 'reusePort'>,
): Promise<void> {
  const { level } = app.log
  app.log.level = 'silent'
  try {
    await app.listen(options)
  } finally {
    app.log.level = level
  }
}

/** Writes a file that only this user can read, and that is never half-written. */
async function writeCard(path: string, card: Record<string, unknown>): Promise<void> {
  const fresh = `${path}.${process.pid}`
  await writeFile(fresh, `${JSON.stringify(card)}\n`, { mode: 0o600 })
  await rename(fresh, path)
}

function addressOf(host: string, address: ReturnType<import('node:net').Server['address']>): string {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`
}
