/** The page and its content policy, over a server that says of one session what a test wants it to say. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outcomeOf, type Run } from '@millrace/protocol'
import { applyToChanges, changesResponse, newChanges } from '@millrace/protocol/view'

const page = fileURLToPath(new URL('../../packages/server/page/', import.meta.url))
const kinds: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }
// As the server's own (faces/http-server.ts), which the tests of the whole server check.
const policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"

export interface Call {
  method: string
  path: string
  body: unknown
}

export interface PageServer {
  url: string
  /** Every call that changes something. */
  calls: Call[]
  /** Puts events into the log; followers receive them at once. */
  say(...events: { type: string; data: object }[]): void
  /** Breaks every stream. */
  cut(): void
  /** What the session's record says from now on. */
  change(values: Partial<Run>): void
  /** Answers of the next calls to a path, instead of the usual ones. */
  refuseOnce(path: string, status: number, detail: string): void
  /** The query of each stream that was asked for. */
  streams: string[]
  close(): Promise<void>
}

const id = '00000000-0000-4000-8000-00000000000a'

export async function openPageServer(agent: object): Promise<PageServer> {
  const log: string[] = []
  const followers = new Set<ServerResponse>()
  const calls: Call[] = []
  const streams: string[] = []
  const refusals = new Map<string, { status: number; detail: string }>()
  let run: Run | undefined
  let changes = newChanges('session')

  const json = (response: ServerResponse, value: unknown, status = 200) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  const file = (response: ServerResponse, path: string) => {
    const name = path === '/' ? 'index.html' : path.slice(1)
    if (!/^[a-z-]+\.(html|js|css)$/.test(name)) return json(response, { detail: 'nothing there' }, 404)
    const headers = {
      'content-type': `${kinds[extname(name)]}; charset=utf-8`,
      'content-security-policy': policy,
    }
    response.writeHead(200, headers).end(readFileSync(page + name))
  }
  const start = (body: unknown) => {
    const spec = body as Record<string, unknown>
    run = {
      ...emptyRun,
      createdAt: Date.now(),
      startedAt: Date.now(),
      spec,
      project: String(spec.project ?? 'demo'),
    }
    log.length = 0
    changes = newChanges('session')
    return { run }
  }
  const answers: Record<string, (body: unknown) => unknown> = {
    'GET /api/server': () => ({ user: 'admin', version: '0', sandbox: { warnings: [] } }),
    'GET /api/projects': () => ({ projects: [{ id: 'web' }, { id: 'demo' }], agent }),
    'GET /api/tools': () => ({ tools: [] }),
    'GET /api/runs': () => ({ runs: run === undefined ? [] : [run], nextCursor: null }),
    'POST /api/runs': start,
    [`GET /api/runs/${id}`]: () => ({ run }),
    [`GET /api/runs/${id}/changes`]: () => changesResponse(changes),
    [`POST /api/runs/${id}/resume`]: start,
    [`POST /api/runs/${id}/retry`]: () => start(run?.spec),
    [`POST /api/runs/${id}/abort`]: () => ({ run }),
  }
  const stream = (request: IncomingMessage, response: ServerResponse, query: string) => {
    streams.push(query)
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(log.slice(Number(request.headers['last-event-id'] ?? 0)).join(''))
    if (run?.finishedAt) return response.end()
    followers.add(response)
    response.on('close', () => followers.delete(response))
  }
  const server = createServer(async (request, response) => {
    const text = (await request.toArray()).join('')
    const { method = '', url = '/' } = request
    const [path = '', query = ''] = url.split('?')
    const body = text === '' ? undefined : JSON.parse(text)
    if (method !== 'GET') calls.push({ method, path, body })
    const refusal = refusals.get(path)
    if (refusal !== undefined) {
      refusals.delete(path)
      return json(response, { detail: refusal.detail }, refusal.status)
    }
    if (path === `/api/runs/${id}/events`) return stream(request, response, query)
    if (method === 'POST' && path.includes('/approvals/')) return json(response, { approval: {} })
    const answer = answers[`${method} ${path}`]
    return answer === undefined ? file(response, path) : json(response, answer(body))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    streams,
    say: (...events) => {
      for (const { type, data } of events) {
        const frame = `id: ${log.length + 1}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
        log.push(frame)
        changes = applyToChanges(changes, { seq: log.length, type, data })
        for (const follower of followers) follower.write(frame)
      }
    },
    cut: () => {
      for (const follower of followers) follower.destroy()
    },
    change: (values) => {
      const changed = { ...emptyRun, ...run, ...values }
      run = { ...changed, outcome: outcomeOf(changed.kind, changed.state, changed.result) }
    },
    refuseOnce: (path, status, detail) => void refusals.set(path, { status, detail }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

const emptyRun: Run = {
  id,
  kind: 'session',
  project: 'demo',
  owner: 'admin',
  state: 'running',
  outcome: null,
  spec: {},
  attempt: 1,
  createdAt: 0,
  startedAt: null,
  finishedAt: null,
  result: null,
  error: null,
  usage: null,
  head: 0,
  retryOf: null,
  resumes: null,
}
