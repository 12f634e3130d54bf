/** From a route to delivery: reads where a client wants its stream to start, and serves the run's log from there. */
import type { OutgoingHttpHeaders } from 'node:http'
import { isFinal, type LogBounds, MillraceError, type Run } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OpenStreams, Reservation } from '#admission/open-streams'
import type { Principal } from '#auth/principal'
import type { Delivery } from '#delivery/delivery'
import type { Dialect } from '#delivery/dialect'
import type { StreamHandle } from '#delivery/stream'
import { forgetOwnHead, ownsConnection } from '#http/forget-head'
import type { Runs } from '#runs/runs'
import { logStream, type StreamFacts } from '#telemetry/request-log'

export interface Heartbeat {
  intervalMs: number
  text: string
}

/** The run that a stream is of. */
export interface Streamed {
  id: string
  /** Reads the run, and where its log stands, once; rejects unless the principal may see it. */
  find(): Promise<{ run: Run; bounds: LogBounds }>
}

/** `check` throws for a run that this face does not show. */
export function streamedOf(
  runs: Pick<Runs, 'getWithBounds'>,
  id: string,
  principal: Principal,
  check: (run: Run) => void = () => {},
): Streamed {
  const find = async () => {
    const found = await runs.getWithBounds(id, principal)
    check(found.run)
    return found
  }
  return { id, find }
}

/** Answers with a run's log as SSE. */
export type StreamRun = (
  request: FastifyRequest,
  reply: FastifyReply,
  streamed: Streamed,
  heartbeat: Heartbeat,
  dialect?: Dialect,
) => Promise<FastifyReply>

export interface StreamRunParts {
  delivery: Pick<Delivery, 'stream'>
  streams: Pick<OpenStreams, 'reserve'>
  compress: boolean
}

export function createStreamRun({ delivery, streams, compress }: StreamRunParts): StreamRun {
  return async (request, reply, { id, find }, heartbeat, dialect) => {
    const { identity } = request
    if (identity === null) throw new Error('a stream of a run is never public')
    const query = request.query as Record<string, unknown>
    const lastEventId = text(request.headers['last-event-id'])
    const after = text(query.after ?? query.lastEventId)
    let place: Reservation | undefined
    try {
      const result = await delivery.stream({
        req: request.raw,
        res: reply.raw,
        runId: id,
        bounds: async () => {
          const { run, bounds } = await find()
          refuseSpentTicket(request, run, lastEventId || after)
          // Not for a run that the caller may not see: a place may be made at the cost of another stream.
          place = streams.reserve(identity, request.ip)
          return bounds
        },
        dialect,
        headers: reply.getHeaders() as OutgoingHttpHeaders,
        lastEventId,
        after,
        epoch: text(request.headers['millrace-epoch'] ?? query.epoch),
        types: typeList(query.types),
        heartbeat,
        compress,
        ownConnection: ownsConnection(request),
      })
      if (result.outcome === 'missing') throw new MillraceError('not_found', `No run ${id}`)
      if (result.outcome === 'streaming') {
        place?.attach(result.handle)
        logFollowing(request, result.handle, { user: identity.principal.user, run: id })
        forgetOwnHead(request, reply)
      } else place?.release()
    } catch (error) {
      place?.release()
      throw error
    }
    return reply.hijack()
  }
}

/** Apart, so that what lives as long as the stream holds nothing of the request. */
function logFollowing(request: FastifyRequest, handle: StreamHandle, facts: StreamFacts): void {
  const factsAtEnd = () => ({ ...facts, through: handle.cursor })
  logStream(request, { ...facts, after: handle.cursor }, factsAtEnd, handle)
}

/** How long after its run's end a used ticket still serves a client that was cut off before it. */
const afterEndMs = 10 * 60_000

/**
 * Refuses a ticket whose run is over. For a while after the end it still serves the client that was cut
 * off: that client may fetch the events it has not seen, and learns that there are no more.
 */
export function refuseSpentTicket(request: FastifyRequest, run: Run, cursor: string | undefined): void {
  const credential = request.identity?.credential
  if (credential?.kind !== 'ticket' || credential.usedAt === null) return
  if (!isFinal(run.state)) return
  const resumes = cursor !== undefined && cursor !== ''
  if (resumes && Date.now() - (run.finishedAt ?? 0) < afterEndMs) return
  throw new MillraceError('unauthenticated', 'The ticket ended with the run')
}

/** Client text, unchanged; a repeated parameter becomes a text that is no valid cursor. */
function text(value: unknown): string | undefined {
  if (value === undefined) return undefined
  return Array.isArray(value) ? value.join(',') : String(value)
}

function typeList(value: unknown): string[] | undefined {
  const given = text(value)
  if (given === undefined) return undefined
  const types = given.split(',').filter((type) => type !== '')
  return types.length === 0 ? undefined : types
}
