/** store-appends-process.ts <folder> <runs> <seconds>: Millrace's embedded store, through its own port. */
import { randomUUID } from 'node:crypto'
import { openSqliteStore } from '../../packages/server/src/store/sqlite/store.ts'
import { measureAppends } from './appending.ts'

const [dataDir = '', runs = '1', seconds = '1'] = process.argv.slice(2)
const store = await openSqliteStore({ dataDir })
const ids = Array.from({ length: Number(runs) }, () => randomUUID())
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
await measureAppends(Number(runs), Number(seconds), (run, json) =>
  store.append(ids[run] ?? '', 0, [{ at: Date.now(), type: 'output', json }]),
)
await store.close()
