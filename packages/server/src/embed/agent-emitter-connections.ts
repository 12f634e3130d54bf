/**
 * Executions for an application that answers their followers with routes of its own.
 *
 * Owns the streams it opened, by execution, until each is over. The log is the truth: a connection that comes
 * late gets everything, and what is sent without a connection is kept.
 */
import type { ServerResponse } from 'node:http'
import { isFinal, MillraceError } from '@millrace/protocol'
import { type AgentEvent, AgentSSEEmitter, runIdOf } from './agent-emitter.ts'
import { theRunningOne } from './agent-sessions/running.ts'
import type { RunStream } from './runs.ts'

const connections = new Map<string, Map<ServerResponse, RunStream>>()

/**
 * Answers with the execution's events as SSE, resuming after `Last-Event-ID`; the bytes are those of
 * `GET /api/agent/stream/:executionId`. Resolves once the stream has begun. Fails with `not_found`, with nothing
 * written, for an execution that does not exist or is another user's.
 */
export async function addAgentConnection(
  userId: string,
  executionId: string,
  response: ServerResponse,
): Promise<void> {
  const id = runIdOf(userId, executionId)
  const stream = await theRunningOne().runs.stream(id, response, userId)
  const open = connections.get(id) ?? new Map<ServerResponse, RunStream>()
  connections.set(id, open.set(response, stream))
  void stream.closed.then(() => {
    open.delete(response)
    if (open.size === 0 && connections.get(id) === open) connections.delete(id)
  })
}

/** Ends a connection that was added. False if there is none. */
export function removeAgentConnection(
  userId: string,
  executionId: string,
  response: ServerResponse,
): boolean {
  const stream = connections.get(runIdOf(userId, executionId))?.get(response)
  stream?.close()
  return stream !== undefined
}

/** Appends one event to the execution, for all of its followers, after those that were sent before. */
export function sendAgentEvent(userId: string, executionId: string, event: AgentEvent): Promise<void> {
  return new AgentSSEEmitter(userId, executionId).send(event)
}

const pageSize = 200

/**
 * Appends one event to each of the user's open executions, and to nobody else's. Resolves with their
 * number; one that ends meanwhile is not counted.
 */
export async function broadcastAgentEvent(userId: string, event: AgentEvent): Promise<number> {
  const { runs } = theRunningOne()
  const filter = { kind: 'external', state: 'running', limit: pageSize } as const
  let sent = 0
  let cursor: string | undefined
  do {
    const page = await runs.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) }, userId)
    const sending = page.runs.map(({ id }) => sendAgentEvent(userId, id, event))
    for (const result of await Promise.allSettled(sending)) {
      if (result.status === 'fulfilled') sent++
      else if (!isOver(result.reason)) throw result.reason
    }
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return sent
}

/**
 * Lets go of an execution: one that is still open ends as interrupted, with the reason for its followers, and
 * every connection that was added ends. Does nothing for one that does not exist.
 */
export async function cleanupAgentExecution(
  userId: string,
  executionId: string,
  reason = 'The application let go of the execution',
): Promise<void> {
  const id = runIdOf(userId, executionId)
  const { runs } = theRunningOne()
  try {
    const { state } = await runs.get(id, userId)
    if (!isFinal(state)) await runs.interrupt(id, reason, userId)
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'not_found') throw error
    return
  }
  await Promise.all([...(connections.get(id)?.values() ?? [])].map(closeSoon))
}

const flushMs = 3000

/** Lets the client have the terminal event, after which the stream ends by itself; does not wait for one that takes nothing. */
async function closeSoon(stream: RunStream): Promise<void> {
  const timer = setTimeout(() => stream.close(), flushMs)
  await stream.closed
  clearTimeout(timer)
}

function isOver(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'run_over'
}
