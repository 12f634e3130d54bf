/**
 * Millrace as it is installed: `millrace serve` with a configuration file, the printer as the command
 * of a job, everything through HTTP.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Child, firstLine, settling, startChild } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'
import { preparePrinting } from '../printer/printing.ts'
import { getRequest, type Peer, type RunningPeer } from './peer.ts'

const program = fileURLToPath(new URL('../../packages/server/bin/millrace.js', import.meta.url))
/** What the program's first line asks of Node. */
const ownFlag = '--max-semi-space-size=16'

export interface MillraceServer {
  url: string
  port: number
  token: string
  child: Child
}

/** Limits are those of the machine, not of a default made for one person. */
const limits = {
  streamsPerUser: 1_000_000,
  streamsPerAddress: 1_000_000,
  streams: 1_000_000,
  startsPerMinute: 1_000_000,
}

export interface MillraceOptions {
  dataDir: string
  project: string
  tools: Record<string, { command: string[]; timeoutSeconds?: null }>
  jobs?: number
  port?: number
  /** More of the configuration's `http`. */
  http?: Record<string, unknown>
  realtime?: Record<string, unknown>
  /** Of the environment. */
  env?: Record<string, string>
  /** Flags of Node, before the program. */
  node?: readonly string[]
}

export async function startMillrace(scratch: Scratch, options: MillraceOptions): Promise<MillraceServer> {
  const {
    dataDir,
    project,
    tools,
    jobs = 4,
    port = 0,
    http = {},
    realtime = {},
    node = [],
    env = {},
  } = options
  const file = `${dataDir}.json`
  const projects = { bench: { path: project } }
  writeFileSync(file, JSON.stringify({ projects, tools, limits, http, realtime, concurrency: { job: jobs } }))
  const serve = ['serve', '--config', file, '--data', dataDir, '--port', String(port)]
  const child = startChild([process.execPath, ownFlag, ...node, program, ...serve], scratch, {
    cwd: project,
    env: { ...process.env, LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Not on the terminal: among other things it prints how to log in.
  child.process.stderr?.on('data', (text: Buffer) => {
    if (/error|fatal/i.test(String(text))) process.stderr.write(text)
  })
  const { url } = await firstLine<{ url: string }>(child)
  const { token } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { token: string }
  return { url, port: Number(new URL(url).port), token, child }
}

/** The printer as a tool of the project that it lies in. */
export const printTools = { print: { command: ['node', 'printer.ts'], timeoutSeconds: null } }

/** Starts a job; its id. */
export function startJob(server: MillraceServer, tool: string): Promise<string> {
  return startRun(server, { kind: 'job', project: 'bench', tool })
}

/** Starts a run of any kind; its id. */
export async function startRun({ url, token }: MillraceServer, body: unknown): Promise<string> {
  const response = await fetch(`${url}/api/runs`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (response.status !== 201) throw new Error(`the run was refused: ${await response.text()}`)
  return ((await response.json()) as { run: { id: string } }).run.id
}

export interface RunHead {
  state: string
  head: number
}

export async function getRun({ url, token }: MillraceServer, id: string): Promise<RunHead> {
  const response = await fetch(`${url}/api/runs/${id}`, { headers: { Authorization: `Bearer ${token}` } })
  return ((await response.json()) as { run: RunHead }).run
}

/** The sum of a metric over all its labels; NaN when the server has none of that name. */
export async function readMetric({ url, token }: MillraceServer, name: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${token}` } })
  const lines = (await response.text()).split('\n')
  const values = lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return values.length === 0
    ? Number.NaN
    : values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** The request of a follower of a run. */
export function followRequest({ token }: MillraceServer, id: string, after: number): string {
  return getRequest(`/api/runs/${id}/events`, {
    Authorization: `Bearer ${token}`,
    'Last-Event-ID': String(after),
  })
}

/** `run:queued` and `run:started` come before the first line. */
export const eventsBeforeOutput = 2

export const millrace: Peer = {
  name: 'millrace',
  missing: () => null,

  async start(scratch: Scratch): Promise<RunningPeer> {
    const folder = scratch.folder()
    const printing = preparePrinting(folder)
    const options = {
      dataDir: join(folder, 'data'),
      project: printing.folder,
      tools: printTools,
      node: settling,
    }
    let server = await startMillrace(scratch, options)
    const run = await startJob(server, 'print')
    while ((await getRun(server, run)).state !== 'running') await sleep(10)
    let pids = [server.child.pid]
    return {
      printing,
      get port() {
        return server.port
      },
      get pids() {
        return pids
      },
      async request(after) {
        const seq = after === null ? (await getRun(server, run)).head : after + eventsBeforeOutput
        return followRequest(server, run, seq)
      },
      settle: () => void server.child.process.kill('SIGUSR2'),
      async restart() {
        await server.child.kill()
        server = await startMillrace(scratch, { ...options, port: server.port })
        pids = [server.child.pid]
      },
    }
  },
}
