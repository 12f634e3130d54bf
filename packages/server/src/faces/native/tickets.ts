/**
 * Tickets: for a plain EventSource from elsewhere, which can send neither a header nor our cookie. A
 * ticket opens one path, in the address.
 */
import { MillraceError } from '@millrace/protocol'
import { z } from 'zod'
import { type FaceApp, principalOf, type StartingParts } from '#faces/face'

const ticketBody = z.strictObject({ path: z.string('path must be the path of a stream').min(1).max(2048) })
const ticketResponse = z.object({ ticket: z.string(), expiresAt: z.int() })

/** The paths of streams that belong to a run, with its id. */
const streamPaths = [
  /^\/api\/runs\/([^/]+)\/events$/,
  /^\/api\/stream\/([^/]+)$/,
  /^\/api\/agent\/test\/stream\/([^/]+)$/,
]

export function ticketFace(app: FaceApp, parts: StartingParts): void {
  app.post(
    '/api/tickets',
    {
      schema: {
        tags: ['auth'],
        summary: 'A ticket that opens one stream by its address',
        description:
          'Add it as `?ticket=`. It must be used within 60 s (`expiresAt`); then it reopens that one path, ' +
          'one connection at a time, until the run is over or the credential behind it ends.',
        body: ticketBody,
        response: { 201: ticketResponse },
      },
    },
    async (request, reply) => {
      await parts.rates.tickets(request)
      const path = request.body.path.split('?')[0] ?? ''
      const id = streamPaths.map((pattern) => pattern.exec(path)?.[1]).find((found) => found !== undefined)
      if (id === undefined) {
        const expected = 'the path of a stream, such as /api/runs/<id>/events'
        throw new MillraceError('invalid_request', `path must be ${expected}`, {
          fields: [{ path: 'path', expected }],
        })
      }
      await parts.runs.get(id, principalOf(request))
      const { identity } = request
      // A ticket that could make tickets would never end.
      if (identity === null || identity.credential?.kind === 'ticket') {
        throw new MillraceError('forbidden', 'A ticket cannot ask for another')
      }
      return reply.code(201).send(await parts.auth.createTicket(identity, path))
    },
  )
}
