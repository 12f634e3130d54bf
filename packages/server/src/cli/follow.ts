/**
 * Follows a run to its end, across lost connections and restarts of the server.
 *
 * Owns the cursor: the `seq` of the last event handed out. Every event is handed out once, in order;
 * where the server cannot go on from the cursor it says `reset`, and so do we.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json, ResetData } from '@millrace/protocol'
import { messageOf, resetType } from '@millrace/protocol'
import { Refused, refusal, send, Unreachable } from './api.ts'
import type { Connection, Server } from './connect.ts'
import { framesOf, StreamLost } from './event-stream.ts'
import { exitCodes } from './exit-codes.ts'
import { CliError } from './terminal.ts'

export type Followed =
  | { kind: 'event'; seq: number; type: string; data: Json }
  | { kind: 'reset'; data: ResetData }
  /** The connection is gone; it is tried again. */
  | { kind: 'lost'; reason: string }
  | { kind: 'back' }
  /** The server says that there is nothing more to send. */
  | { kind: 'over' }

interface FollowOptions {
  runId: string
  connection: Connection
  signal: AbortSignal
  /** How long a server may be away before we give up, in milliseconds. */
  waitMs: number
  /** Longest silence of a healthy stream; heartbeats come every 30 s. */
  idleMs?: number
  random?: () => number
}

/** A stream that lived this long was a connection, and not one more failed attempt. */
const settledMs = 1000

/** Ends after `over`, or when the caller has seen enough (the terminal event). */
export async function* follow(options: FollowOptions): AsyncGenerator<Followed, void, void> {
  const { runId, connection, signal, waitMs, idleMs = 75_000, random = Math.random } = options
  const leave = new AbortController()
  const either = AbortSignal.any([signal, leave.signal])
  let server: Server | null = connection.server
  let cursor: number | undefined
  let epoch: string | undefined
  let lostAt: number | undefined
  let attempt = 0

  try {
    while (true) {
      const triedAt = performance.now()
      let openedAt: number | undefined
      let advanced = false
      let reason = 'the server ended the stream'
      try {
        if (server === null) throw new StreamLost('the server is not running')
        const response = await openEvents(server, runId, cursor, epoch, either)
        if (response === null) {
          yield { kind: 'over' }
          return
        }
        openedAt = performance.now()
        if (lostAt !== undefined) yield { kind: 'back' }
        epoch ??= epochOf(response)
        for await (const { id, type, data } of framesOf(response, idleMs)) {
          if (type === resetType && id === undefined) {
            const reset = JSON.parse(data) as ResetData
            cursor = reset.firstSeq - 1
            epoch = epochOf(response)
            yield { kind: 'reset', data: reset }
            continue
          }
          const seq = Number(id)
          if (!Number.isSafeInteger(seq) || (cursor !== undefined && seq <= cursor)) continue
          cursor = seq
          advanced = true
          yield { kind: 'event', seq, type, data: JSON.parse(data) as Json }
        }
      } catch (error) {
        if (either.aborted || !mayPass(error, connection)) throw error
        reason = messageOf(error)
      }
      const settled = openedAt !== undefined && (advanced || performance.now() - openedAt > settledMs)
      if (lostAt === undefined || settled) {
        lostAt = openedAt === undefined ? triedAt : performance.now()
        attempt = 0
        yield { kind: 'lost', reason }
      }
      const left = lostAt + waitMs - performance.now()
      if (left <= 0) throw gaveUp(waitMs, reason)
      await sleep(Math.min(left, backoffMs(attempt++, random())), undefined, { signal: either })
      server = await connection.again()
    }
  } finally {
    leave.abort()
  }
}

/** 100 ms doubled up to 5 s, half of it left to chance so that many clients do not come back at once. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(5000, 100 * 2 ** Math.min(attempt, 10))
  return ceiling / 2 + (ceiling / 2) * random
}

/** Null when the log is closed and the cursor is at its end. */
async function openEvents(
  server: Server,
  runId: string,
  cursor: number | undefined,
  epoch: string | undefined,
  signal: AbortSignal,
): Promise<Response | null> {
  const response = await send(server, `/api/runs/${encodeURIComponent(runId)}/events`, {
    headers: {
      accept: 'text/event-stream',
      ...(cursor === undefined ? {} : { 'last-event-id': String(cursor) }),
      ...(cursor === undefined || epoch === undefined ? {} : { 'millrace-epoch': epoch }),
    },
    signal,
  })
  if (response.status === 204) return null
  if (!response.ok) throw await refusal(response)
  return response
}

function epochOf(response: Response): string | undefined {
  return response.headers.get('millrace-epoch') ?? undefined
}

/** Does it make sense to try again? */
function mayPass(error: unknown, connection: Connection): boolean {
  if (!(error instanceof Refused)) return error instanceof Unreachable || error instanceof StreamLost
  if (error.status >= 500 || error.status === 429 || error.status === 408) return true
  // Between two servers of one data directory, the token is of the one and the address of the other.
  return error.status === 401 && connection.renewsToken
}

function gaveUp(waitMs: number, reason: string): CliError {
  return new CliError(
    `gave up after ${waitMs / 1000} s: ${reason}. This says nothing of the run itself: follow it again later.`,
    exitCodes.unavailable,
  )
}
