/** From a route to delivery: what a client may say about where its stream starts, and how it is served. */
import type { OutgoingHttpHeaders } from 'node:http'
import { MillraceError } from '@millrace/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FaceParts } from './face.ts'

export interface Heartbeat {
  intervalMs: number
  text: string
}

/** Answers with the run's log as SSE. The caller has made sure that the principal may see the run. */
export async function streamRun(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: Pick<FaceParts, 'delivery' | 'config'>,
  runId: string,
  heartbeat: Heartbeat,
): Promise<FastifyReply> {
  const query = request.query as Record<string, unknown>
  const result = await parts.delivery.stream({
    req: request.raw,
    res: reply.raw,
    runId,
    headers: reply.getHeaders() as OutgoingHttpHeaders,
    lastEventId: text(request.headers['last-event-id']),
    after: text(query.after ?? query.lastEventId),
    epoch: text(request.headers['millrace-epoch'] ?? query.epoch),
    types: typeList(query.types),
    heartbeat,
    compress: parts.config.http.compressStreams && acceptsGzip(request),
  })
  if (result.outcome === 'missing') throw new MillraceError('not_found', `No run ${runId.slice(0, 64)}`)
  return reply.hijack()
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

function acceptsGzip(request: FastifyRequest): boolean {
  const accepted = text(request.headers['accept-encoding']) ?? ''
  return accepted.split(',').some((part) => /^\s*gzip\s*(;\s*q=(?!0(\.0+)?\s*$).*)?$/i.test(part))
}
