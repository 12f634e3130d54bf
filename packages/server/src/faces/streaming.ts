/** From a route to delivery: what a client may say about where its stream starts, and how it is served. */
import type { OutgoingHttpHeaders } from 'node:http'
import { isFinal, MillraceError, type Run } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { forgetHead } from '#http/forget-head'
import { logStream } from '#telemetry/request-log'
import type { FaceParts } from './face.ts'

export interface Heartbeat {
  intervalMs: number
  text: string
}

/** A server has a decorator of this name when nobody else looks at its connections. */
export const ownConnections = 'millraceOwnsConnections'

/** Answers with the run's log as SSE. The caller has made sure that the principal may see the run. */
export async function streamRun(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: Pick<FaceParts, 'delivery' | 'config' | 'streams'>,
  run: Run,
  heartbeat: Heartbeat,
): Promise<FastifyReply> {
  const { identity } = request
  if (identity === null) throw new Error('a stream of a run is never public')
  const query = request.query as Record<string, unknown>
  const lastEventId = text(request.headers['last-event-id'])
  const after = text(query.after ?? query.lastEventId)
  refuseSpentTicket(request, run, lastEventId || after)
  const place = parts.streams.reserve(identity, request.ip)
  try {
    const result = await parts.delivery.stream({
      req: request.raw,
      res: reply.raw,
      runId: run.id,
      headers: reply.getHeaders() as OutgoingHttpHeaders,
      lastEventId,
      after,
      epoch: text(request.headers['millrace-epoch'] ?? query.epoch),
      types: typeList(query.types),
      heartbeat,
      compress: parts.config.http.compressStreams,
    })
    if (result.outcome === 'missing') throw new MillraceError('not_found', `No run ${run.id}`)
    if (result.outcome === 'streaming') {
      const { handle } = result
      place.attach(handle)
      const facts = { user: identity.principal.user, run: run.id }
      logStream(request, { ...facts, after: handle.cursor }, () => ({ ...facts, through: handle.cursor }))
      if (request.server.hasDecorator(ownConnections)) forgetHead(request.raw, reply.raw)
    } else place.release()
  } catch (error) {
    place.release()
    throw error
  }
  return reply.hijack()
}

/** How long after its run a used ticket still serves the client that was cut off before the end. */
const afterwardsMs = 10 * 60_000

/**
 * A ticket serves one client until the run is over; for a while after that it only lets that client
 * fetch what it has not seen yet, and be told that there is no more.
 */
export function refuseSpentTicket(request: FastifyRequest, run: Run, cursor: string | undefined): void {
  const credential = request.identity?.credential
  if (credential?.kind !== 'ticket' || credential.usedAt === null) return
  if (!isFinal(run.state)) return
  const goesOn = cursor !== undefined && cursor !== ''
  if (goesOn && Date.now() - (run.finishedAt ?? 0) < afterwardsMs) return
  throw new MillraceError('unauthenticated', 'The ticket ended with the run')
}

/** Client text as it came; a repeated parameter becomes something no cursor looks like. */
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
