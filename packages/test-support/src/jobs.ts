/** Jobs as a client of the HTTP faces sees them. */
import type { Run } from '@millrace/protocol'
import { post, type ServerProcess } from './server.ts'
import { connect, type SseConnection } from './sse.ts'

/** Queues a tool and returns the id of its run. */
export async function startJob(server: ServerProcess, toolId: string, projectId = 'web'): Promise<string> {
  const response = await server.call('/api/execute', post({ toolId, projectId }))
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  const { data } = (await response.json()) as { data: { jobId: string } }
  return data.jobId
}

export function followJob(
  server: ServerProcess,
  id: string,
  headers: Record<string, string> = {},
): Promise<SseConnection> {
  return connect(`${server.url}/api/stream/${id}`, { Authorization: `Bearer ${server.token}`, ...headers })
}

export interface Followed {
  over: 'end' | 'cut'
  bytes: Buffer
  events: { id: string | undefined; type: string; data: Record<string, unknown> }[]
  /** Text of the `output` events. */
  lines: string[]
}

/** Follows from the beginning and returns everything received until the stream is over. */
export async function followToEnd(server: ServerProcess, id: string): Promise<Followed> {
  return gather(await followJob(server, id))
}

export async function gather(connection: SseConnection): Promise<Followed> {
  const over = await connection.over
  const events = connection.events.map(({ id, type, data }) => ({ id, type, data: JSON.parse(data) }))
  const lines = events.filter(({ type }) => type === 'output').map(({ data }) => String(data.line))
  return { over, bytes: connection.bytes(), events, lines }
}

export async function runOf(server: ServerProcess, id: string): Promise<Run> {
  return (await server.json<{ run: Run }>(`/api/runs/${id}`)).run
}

/** Resolves when the run prints this line, and closes the connection. */
export async function untilLine(server: ServerProcess, id: string, wanted: string): Promise<void> {
  const connection = await followJob(server, id)
  await connection.until(({ type, data }) => type === 'output' && JSON.parse(data).line === wanted)
  connection.close()
}
