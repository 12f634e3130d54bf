/**
 * Tickets: for a plain EventSource on another origin, which can send neither a header nor our cookie. A
 * ticket in the address opens one path.
 */
import { MillraceError } from '@millrace/protocol'
import { z } from 'zod'
import type { Authenticator } from '#auth/authenticator'
import { type Face, type FaceApp, principalOf } from '#http/face'
import type { PublicAddress } from '#http/public-address'
import type { RunStreams } from '#http/run-streams'
import type { Runs } from '#runs/runs'

const ticketBody = z.strictObject({ path: z.string('path must be the path of a stream').min(1).max(2048) })
const ticketResponse = z.object({ ticket: z.string(), expiresAt: z.int() })

export interface TicketFaceParts {
  auth: Pick<Authenticator, 'createTicket'>
  runs: Pick<Runs, 'get'>
  runStreams: Pick<RunStreams, 'runIdOf'>
  address: Pick<PublicAddress, 'withoutPrefix'>
}

export function ticketFace(parts: TicketFaceParts): Face {
  return { routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, { auth, runs, runStreams, address }: TicketFaceParts): void {
  app.post(
    '/api/tickets',
    {
      config: { rate: 'tickets', refuses: ['not_found'] },
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
      const path = address.withoutPrefix(request.body.path.split('?')[0] ?? '')
      const id = runStreams.runIdOf(path)
      if (id === undefined) {
        const expected = 'the path of a stream, such as /api/runs/<id>/events'
        throw new MillraceError('invalid_request', `path must be ${expected}`, {
          fields: [{ path: 'path', expected }],
        })
      }
      await runs.get(id, principalOf(request))
      const { identity } = request
      // A ticket that could make tickets would never end.
      if (identity === null || identity.credential?.kind === 'ticket') {
        throw new MillraceError('forbidden', 'A ticket cannot be used to create another ticket')
      }
      return reply.code(201).send(await auth.createTicket(identity, path))
    },
  )
}
