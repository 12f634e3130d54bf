/** Operations for admins: delete old runs now. */
import { pruneBody, pruneResponse } from '@millrace/protocol/schemas'
import type { Face } from '#http/face'
import type { Retention } from '#retention/retention'

export interface AdminFaceParts {
  retention: Pick<Retention, 'prune'>
}

export function adminFace({ retention }: AdminFaceParts): Face {
  return {
    routes(app) {
      app.post(
        '/api/admin/prune',
        {
          config: { access: 'admin' },
          schema: {
            tags: ['service'],
            summary: 'Delete old runs and the beginnings of long logs',
            description: 'Applies `retention` of the configuration wherever the body does not override it.',
            body: pruneBody,
            response: { 200: pruneResponse },
          },
        },
        (request) => retention.prune(request.body),
      )
    },
  }
}
