/** What the caller's runs ask people, and nobody has answered. */
import { openApprovalsResponse } from '@millrace/protocol/schemas'
import { type FaceApp, principalOf } from '#http/face'
import type { NativeFaceParts } from './run-route.ts'

export function questionRoutes(app: FaceApp, { runs }: Pick<NativeFaceParts, 'runs'>): void {
  app.get(
    '/api/approvals',
    {
      schema: {
        tags: ['runs'],
        summary: 'Questions of all runs that nobody has answered',
        response: { 200: openApprovalsResponse },
      },
    },
    async (request) => ({ approvals: await runs.openQuestions(principalOf(request)) }),
  )
}
