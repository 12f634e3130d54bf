/** A host application with Millrace inside: real sockets, a real data directory, all removed afterwards. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { type Register, temporaryFolder } from '@millrace/test-support/folders'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type ConfigFile, createMillrace, type Millrace, type MillraceOptions } from '#index'

export const silent = pino({ level: 'silent' })

/** One project and tools that need nothing but node; without a sandbox, which has tests of its own. */
export function toolbox(folder: string, more: ConfigFile = {}): ConfigFile {
  const node = (script: string): [string, ...string[]] => [process.execPath, '-e', script]
  return {
    projects: { here: { path: folder } },
    tools: {
      hello: { command: node("console.log('hello'); console.log('world')") },
      wait: { command: node("console.log('waiting'); setInterval(() => {}, 1000)") },
    },
    sandbox: { mode: 'off' },
    ...more,
  }
}

/** Creates a Millrace that is not started, and is stopped, if need be, when the test is over. */
export function millraceIn(
  options: MillraceOptions = {},
  more: ConfigFile = {},
  register: Register = onTestFinished,
): Millrace {
  const config = toolbox(temporaryFolder(register), more)
  const millrace = createMillrace(config, { log: silent, dataDir: temporaryFolder(register), ...options })
  register(() => millrace.stop())
  return millrace
}

/** Returns the address of a server on loopback that is closed, with its connections, after the test. */
export async function listen(
  app: RequestListener,
  register: Register = onTestFinished,
): Promise<{ url: string; server: Server }> {
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  register(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}`, server }
}

/** The host application's user, named by a header. */
export function userOf(request: { headers: Record<string, string | string[] | undefined> }) {
  const user = request.headers['x-user']
  return typeof user === 'string' ? { user, admin: false } : null
}

export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
}

export const job = (tool: string) => ({ kind: 'job', project: 'here', tool }) as const
