/** What only an admin asks of a server: to forget what is old, now. */
import { pruneBody, pruneResponse } from '@millrace/protocol'
import type { FaceApp, FaceParts } from '#faces/face'

export function adminFace(app: FaceApp, { retention }: Pick<FaceParts, 'retention'>): void {
  app.post(
    '/api/admin/prune',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['service'],
        summary: 'Delete old runs and the beginnings of long logs',
        description: 'As `retention` of the configuration says, where the body says nothing else.',
        body: pruneBody,
        response: { 200: pruneResponse },
      },
    },
    (request) => retention.prune(request.body),
  )
}
