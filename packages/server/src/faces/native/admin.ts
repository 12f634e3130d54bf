/** Operations for admins: delete old runs now, and see whether the server has what it needs. */
import type { ChecksResponse, StorageResponse } from '@millrace/protocol'
import { checksResponse, pruneBody, pruneResponse, storageResponse } from '@millrace/protocol/schemas'
import type { Face } from '#http/face'
import type { Retention } from '#retention/retention'

export interface AdminFaceParts {
  retention: Pick<Retention, 'prune'>
  storage: () => Promise<StorageResponse>
  /** Null: a host application's server is checked by its own means. */
  checks: (() => Promise<ChecksResponse['checks']>) | null
}

const tags = ['service']

export function adminFace({ retention, storage, checks }: AdminFaceParts): Face {
  return {
    routes(app) {
      app.post(
        '/api/admin/prune',
        {
          config: { access: 'admin' },
          schema: {
            tags,
            summary: 'Delete old runs and the beginnings of long logs',
            description: 'Applies `retention` of the configuration wherever the body does not override it.',
            body: pruneBody,
            response: { 200: pruneResponse },
          },
        },
        (request) => retention.prune(request.body),
      )

      app.get(
        '/api/admin/storage',
        {
          config: { access: 'admin' },
          schema: { tags, summary: 'What is stored, and how long', response: { 200: storageResponse } },
        },
        () => storage(),
      )

      if (checks === null) return
      const checkOnce = oneAtATime(checks)
      app.get(
        '/api/admin/checks',
        {
          config: { access: 'admin' },
          schema: {
            tags,
            summary: 'What `millrace doctor` says on the server’s machine',
            response: { 200: checksResponse },
          },
        },
        async () => ({ checks: await checkOnce() }),
      )
    },
  }
}

/** Checks start programs: callers that ask at the same time share them. */
function oneAtATime<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | null = null
  return () => {
    running ??= work().finally(() => {
      running = null
    })
    return running
  }
}
