/** A store of Millrace, measured through its port. */
import { randomUUID } from 'node:crypto'
import type { Store } from '../../packages/server/src/store/store.ts'
import { measureAppends } from './appending.ts'

/** Prints what was measured, and closes the store. */
export async function measureStore(store: Store, runs: number, seconds: number): Promise<void> {
  const ids = Array.from({ length: runs }, () => randomUUID())
  const created = ids.map((id) =>
    store.createRun({
      id,
      kind: 'job',
      project: null,
      owner: 'bench',
      spec: {},
      createdAt: Date.now(),
      retryOf: null,
      resumes: null,
      exclusive: false,
      queued: { at: Date.now(), type: 'run:queued', json: '{}' },
      idempotency: null,
    }),
  )
  await Promise.all(created)
  await measureAppends(runs, seconds, (run, json) =>
    store.append(ids[run] ?? '', 0, [{ at: Date.now(), type: 'output', json }]),
  )
  await store.close()
}
