/**
 * A server whose agent sessions talk to a scripted model in the test's own process: the agent SDK's
 * process, the sandbox and the tools are the real ones.
 */
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Script, type ScriptedModel, startScriptedModel } from '@millrace/scripted-model'
import { onTestFinished } from 'vitest'
import { scratchFolder } from './folders.ts'
import { post, type ServerProcess, startServer } from './server.ts'
import { framesOf } from './sse.ts'

/** Made up. It is the server's; no process of a session may know it. */
export const modelKey = 'sk-made-up-0f4c1d'
/** An agent never works as root: its projects belong to an ordinary user. */
const nobody = 65_534

export interface AgentPlace {
  path: string
  dataDir: string
  model: ScriptedModel
  /** Folder of a project. */
  project: (id?: string) => string
  /** Starts the server, repeatedly on the same data directory if needed. */
  start: (options?: { port?: number; env?: Record<string, string> }) => Promise<ServerProcess>
  dispose: () => Promise<void>
}

export interface AgentPlaceOptions {
  script: Script
  projects?: readonly string[]
  /** Joined to the server's configuration. */
  config?: Record<string, unknown>
}

/** A place that lasts as long as the test that asks for it. */
export async function placeFor(options: AgentPlaceOptions): Promise<AgentPlace> {
  const place = await agentPlace(options)
  onTestFinished(() => place.dispose())
  return place
}

export async function agentPlace({
  script,
  projects = ['web'],
  config = {},
}: AgentPlaceOptions): Promise<AgentPlace> {
  const scratch = scratchFolder()
  chmodSync(scratch.path, 0o755)
  const model = await startScriptedModel({ script, apiKey: modelKey })
  const dataDir = join(scratch.path, 'data')
  mkdirSync(dataDir)
  const project = (id = 'web') => join(scratch.path, 'work', id)
  for (const id of projects) {
    mkdirSync(project(id), { recursive: true })
    giveAway(project(id))
  }
  const servers: ServerProcess[] = []
  return {
    path: scratch.path,
    dataDir,
    model,
    project,
    start: async ({ port = 0, env = {} } = {}) => {
      const server = await startServer({
        cwd: scratch.path,
        dataDir,
        port,
        config: {
          projects: Object.fromEntries(projects.map((id) => [id, { path: project(id) }])),
          tools: {},
          limits: { startsPerMinute: 10_000 },
          ...config,
        },
        env: { ANTHROPIC_API_KEY: modelKey, ANTHROPIC_BASE_URL: model.url, ...env },
      })
      servers.push(server)
      return server
    },
    dispose: async () => {
      await Promise.all(servers.map((server) => server.end('SIGKILL')))
      await model.close()
      rmSync(keptHomesOf(dataDir), { recursive: true, force: true })
      scratch.dispose()
    },
  }
}

/** Where a server of root's keeps the homes of runs that have another user. */
function keptHomesOf(dataDir: string): string {
  const server = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  return join('/var/lib', `millrace-${server}`)
}

/** Makes a path the property of an unprivileged user, where the test may do so. */
export function giveAway(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, nobody, nobody)
}

/** `POST /api/agent/test`: status and body. */
export async function startSession(
  server: ServerProcess,
  body: Record<string, unknown>,
): Promise<{ status: number; success: boolean; sessionId: string; error: string }> {
  const response = await server.call('/api/agent/test', post({ projectId: 'web', ...body }))
  return {
    status: response.status,
    ...((await response.json()) as { success: boolean; sessionId: string; error: string }),
  }
}

export interface SessionEvent {
  id: number
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: messages of the SDK in all their shapes
  data: any
}

export function sessionStream(server: ServerProcess, id: string): string {
  return `${server.url}/api/agent/test/stream/${id}`
}

/** Returns all events of a session once it is over. */
export async function sessionToEnd(server: ServerProcess, id: string): Promise<SessionEvent[]> {
  const response = await server.call(`/api/agent/test/stream/${id}`)
  if (response.status !== 200) throw new Error(`the stream was answered with ${response.status}`)
  return eventsOf(Buffer.from(await response.arrayBuffer()))
}

export function eventsOf(bytes: Buffer): SessionEvent[] {
  return framesOf(bytes).map((frame) => {
    const field = (name: string) => new RegExp(`^${name}: ([^\\n]*)$`, 'm').exec(frame)?.[1] ?? ''
    return { id: Number(field('id')), type: field('event'), data: JSON.parse(field('data')) }
  })
}

/** The tool results that the agent received, as text, and whether they were errors. */
export function toolResults(events: readonly SessionEvent[]): { text: string; isError: boolean }[] {
  return events
    .filter(({ type }) => type === 'user')
    .flatMap(({ data }) => data.message.content)
    .filter((block: { type?: string }) => block?.type === 'tool_result')
    .map(({ content, is_error }) => ({
      text: typeof content === 'string' ? content : JSON.stringify(content),
      isError: is_error === true,
    }))
}
