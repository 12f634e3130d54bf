/** A real server on loopback whose log goes to memory; closed, with its folders gone, after the test. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { Run } from '@millrace/protocol'
import { temporaryFolder } from '@millrace/test-support/folders'
import { onTestFinished } from 'vitest'
import { serve } from '#compose/serve'
import { loadConfig } from '#config/load'
import type { ConfigFile } from '#config/schema'
import { createLog } from '#telemetry/log'

export interface LoggedServer {
  url: string
  port: number
  loginUrl: string
  /** The one of server.json. */
  token: string
  /** All that was logged. */
  text: () => string
  /** The lines with this message. */
  lines: (message: string) => Record<string, unknown>[]
  /** fetch with the admin token, unless the request brings another. */
  call: (path: string, init?: RequestInit) => Promise<Response>
  /** Starts a tool; resolves with its run when it is over. */
  toEnd: (tool: string, args?: Record<string, string>) => Promise<Run>
  start: (tool: string, args?: Record<string, string>) => Promise<Run>
  stop: () => Promise<void>
}

export interface LoggedServerOptions {
  level?: string
  env?: NodeJS.ProcessEnv
  dataDir?: string
}

const node = (script: string): [string, ...string[]] => [process.execPath, '-e', script]

export async function startLoggedServer(
  more: ConfigFile = {},
  options: LoggedServerOptions = {},
): Promise<LoggedServer> {
  const { level = 'info', env = {}, dataDir = join(temporaryFolder(), 'data') } = options
  const project = join(temporaryFolder(), 'here')
  mkdirSync(project)
  const content: ConfigFile = {
    projects: { here: { path: project } },
    tools: {
      two: { command: node("console.log('one'); console.log('two')") },
      wait: { command: node("console.log('waiting'); setInterval(() => {}, 1000)") },
      say: {
        command: [...node('console.log(process.argv.length)'), '{words}'],
        args: { words: { required: true } },
      },
    },
    sandbox: { mode: 'off' },
    ...more,
  }
  const config = await loadConfig({ flags: { data: dataDir, port: '0' }, env, cwd: project, content })
  const memory = Object.assign(new PassThrough(), { isTTY: false })
  let text = ''
  memory.setEncoding('utf8').on('data', (written: string) => {
    text += written
  })
  const log = createLog(level, memory as unknown as NodeJS.WriteStream)
  const serving = await serve({ config, log, onFatal: () => {} })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= serving.stop('the test is over')
    return stopped
  }
  onTestFinished(stop)
  const { token } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { token: string }
  const call = (path: string, init: RequestInit = {}) =>
    fetch(serving.url + path, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as object) },
    })
  const start = async (tool: string, args?: Record<string, string>) => {
    const response = await call('/api/runs', post({ kind: 'job', project: 'here', tool, args }))
    return ((await response.json()) as { run: Run }).run
  }
  return {
    url: serving.url,
    port: Number(new URL(serving.url).port),
    loginUrl: serving.loginUrl,
    token,
    text: () => text,
    lines: (message) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => line.msg === message),
    call,
    start,
    toEnd: async (tool, args) => {
      const { id } = await start(tool, args)
      await (await call(`/api/runs/${id}/events`)).text()
      return ((await (await call(`/api/runs/${id}`)).json()) as { run: Run }).run
    },
    stop,
  }
}

export function post(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
