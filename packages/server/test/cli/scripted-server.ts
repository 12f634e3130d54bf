/**
 * A real HTTP server with the part of the native face that a test needs: each route is a function, each
 * stream a script. It also writes a `server.json`, as a server does.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { errorTable, type Run } from '@millrace/protocol'
import { onTestFinished } from 'vitest'
import { listen } from './listen.ts'

export interface Seen {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: unknown
}

type Handler = (response: ServerResponse, seen: Seen) => void | Promise<void>

export interface ScriptedServer {
  url: string
  token: string
  /** Every request so far. */
  seen: Seen[]
  writeCard(dataDir: string, pid?: number): void
  /** Ends at once, connections and all. */
  stop(): Promise<void>
}

/** Keys are `GET /api/runs` and the like; a query string is not part of them. */
export async function scriptedServer(
  routes: Record<string, Handler>,
  options: { port?: number; token?: string } = {},
): Promise<ScriptedServer> {
  const token = options.token ?? `token-${randomUUID()}`
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { method = '', url: path = '', headers } = request
    const one = { method, path, headers, body: text === '' ? undefined : JSON.parse(text) }
    seen.push(one)
    if (headers.authorization !== `Bearer ${token}`)
      return problem(response, 401, 'The bearer token is not valid')
    const handler = routes[`${method} ${path.split('?')[0]}`]
    if (handler === undefined) return problem(response, 404, `No such route: ${method} ${path}`)
    await handler(response, one)
  })
  const url = await listen(server, options.port ?? 0)
  const stop = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((closed) => server.close(closed))
  }
  onTestFinished(stop)
  const writeCard = (dataDir: string, pid = process.pid) => {
    mkdirSync(dataDir, { recursive: true })
    const card = { url, token, pid, startedAt: Date.now() }
    writeFileSync(join(dataDir, 'server.json'), JSON.stringify(card), { mode: 0o600 })
  }
  return { url, token, seen, writeCard, stop }
}

export function removeCard(dataDir: string): void {
  rmSync(join(dataDir, 'server.json'), { force: true })
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

export function problem(response: ServerResponse, status: number, detail: string, errors?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' })
  const code = Object.entries(errorTable).find(([, entry]) => entry.status === status)?.[0]
  response.end(JSON.stringify({ status, code, detail, errors }))
}

export interface ScriptedEvent {
  seq: number
  type: string
  data: unknown
}

/** Opens a stream; the caller writes frames to it and ends it, or not. */
export function openStream(response: ServerResponse, epoch = 'first'): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'millrace-epoch': epoch,
  })
  response.flushHeaders()
}

export function frame({ seq, type, data }: ScriptedEvent): string {
  return `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}

/** Returns the events after the cursor of a request. */
export function after(events: readonly ScriptedEvent[], seen: Seen): ScriptedEvent[] {
  const cursor = Number(seen.headers['last-event-id'] ?? 0)
  return events.filter((event) => event.seq > cursor)
}

export function runOf(change: Partial<Run> = {}): Run {
  return {
    id: randomUUID(),
    kind: 'job',
    project: 'web',
    owner: 'admin',
    state: 'running',
    outcome: null,
    spec: { kind: 'job', project: 'web', tool: 'count' },
    attempt: 1,
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    startedAt: null,
    finishedAt: null,
    result: null,
    error: null,
    usage: null,
    head: 0,
    retryOf: null,
    resumes: null,
    forkOf: null,
    ...change,
  }
}

export function output(seq: number, line: string, stream: 'stdout' | 'stderr' = 'stdout'): ScriptedEvent {
  return { seq, type: 'output', data: { line, timestamp: 0, stream } }
}

export function complete(seq: number, change: object = {}): ScriptedEvent {
  const data = { exitCode: 0, signal: null, timedOut: false, durationMs: 1234, success: true, ...change }
  return { seq, type: 'complete', data }
}
