/** A real server: the program, in a process of its own, with a data directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../server/bin/millrace.js', import.meta.url))

export interface ServerProcess {
  url: string
  token: string
  pid: number
  child: ChildProcess
  /** All it wrote to stderr so far. */
  log: () => string
  /** fetch with the admin token. */
  call: (path: string, init?: RequestInit) => Promise<Response>
  json: <T = Record<string, unknown>>(path: string, init?: RequestInit) => Promise<T>
  /** Its exit code once it has ended by itself; null when a signal ended it. */
  exited: Promise<number | null>
  /** Ends it by a signal; resolves with its exit code (null when a signal ended it). */
  end: (signal?: NodeJS.Signals) => Promise<number | null>
}

export interface ServerOptions {
  /** Content of its configuration file; absent: zero configuration in `cwd`. */
  config?: Record<string, unknown>
  cwd: string
  dataDir: string
  port?: number
  env?: Record<string, string>
  /** A command that starts it, such as one that enters a namespace. */
  through?: readonly string[]
  /** Called with the process before it listens. */
  spawned?: (child: ChildProcess) => void
}

export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const args = ['serve', '--port', String(options.port ?? 0), '--data', options.dataDir]
  const { config } = options
  const file =
    config === undefined ? null : join(options.dataDir, '..', `config-${process.pid}-${randomUUID()}.json`)
  if (file !== null) {
    writeFileSync(file, JSON.stringify(config))
    args.push('--config', file)
  }
  const [command = '', ...words] = [...(options.through ?? []), process.execPath, program, ...args]
  const child = spawn(command, words, {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LOG_LEVEL: 'info', ...options.env },
  })
  if (file !== null) child.once('exit', () => rmSync(file, { force: true }))
  options.spawned?.(child)
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const first = once(createInterface(child.stdout), 'line') as Promise<[string]>
  const line = await Promise.race([first.then(([text]) => text), exited.then(([code]) => `exit ${code}`)])
  if (!line.startsWith('{')) throw new Error(`the server did not start: ${line}\n${log}`)
  const { url, pid } = JSON.parse(line) as { url: string; pid: number }
  const { token } = JSON.parse(readFileSync(join(options.dataDir, 'server.json'), 'utf8')) as {
    token: string
  }
  const call = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { Authorization: `Bearer ${token}`, ...(init.headers as object) } })
  return {
    url,
    token,
    pid,
    child,
    log: () => log,
    call,
    json: async (path, init) => (await call(path, init)).json() as never,
    exited: exited.then(([code]) => code),
    end: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      const [code] = await exited
      return code
    },
  }
}

/**
 * A free port that stays free while its server is down: below those given to outgoing connections, where
 * a client that knocks at the closed door could be given this very port, and be connected to itself.
 */
export async function quietPort(): Promise<number> {
  const [lowest = 32_768] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .split(/\s+/)
    .map(Number)
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * (lowest - 10_000))
    const probe = createServer()
    try {
      await once(probe.listen(port, '127.0.0.1'), 'listening')
      return port
    } catch {
      // Taken: another one.
    } finally {
      await new Promise((resolve) => probe.close(resolve))
    }
  }
}

/** POST of a JSON body. */
export function post(body: unknown): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
}
