/** Users' tokens, for admins: as `millrace token` does at the machine of the server. */
import { MillraceError } from '@millrace/protocol'
import { createdTokenResponse, createTokenBody, tokensResponse } from '@millrace/protocol/schemas'
import { z } from 'zod'
import { userNameProblem } from '#auth/tokens'
import type { UserTokens } from '#auth/user-tokens'
import type { Face } from '#http/face'

const tags = ['auth']

export function tokenFace(tokens: UserTokens): Face {
  return {
    routes(app) {
      app.get(
        '/api/admin/tokens',
        {
          config: { access: 'admin' },
          schema: { tags, summary: 'Tokens of users, newest first', response: { 200: tokensResponse } },
        },
        async () => ({ tokens: await tokens.list() }),
      )

      app.post(
        '/api/admin/tokens',
        {
          config: { access: 'admin', rate: 'tickets' },
          schema: {
            tags,
            summary: 'Create a token for a user; only this answer holds it',
            body: createTokenBody,
            response: { 201: createdTokenResponse },
          },
        },
        async (request, reply) => {
          const { user, admin = false, ttlSeconds } = request.body
          const problem = userNameProblem(user, admin)
          if (problem !== null) {
            throw new MillraceError('invalid_request', `user: ${problem}`, {
              fields: [{ path: 'user', expected: problem }],
            })
          }
          const ttlMs = ttlSeconds === undefined ? null : ttlSeconds * 1000
          return reply.code(201).send(await tokens.create({ user, admin, ttlMs }))
        },
      )

      app.delete(
        '/api/admin/tokens/:id',
        {
          config: { access: 'admin', refuses: ['not_found'] },
          schema: {
            tags,
            summary: 'Revoke a token; its streams end within seconds',
            params: z.object({ id: z.string().max(255) }),
            response: { 204: z.null() },
          },
        },
        async (request, reply) => {
          const { id } = request.params
          if (!(await tokens.revoke(id))) throw new MillraceError('not_found', `No token ${id.slice(0, 64)}`)
          return reply.code(204).send(null)
        },
      )
    },
  }
}
