/**
 * listing-process.ts <folder> <runs>: pages of a store with many runs, of mixed owners, kinds, projects and
 * states. Prints one line of JSON: for each filter the median of a first page, the slowest page, and the walk of all pages.
 */
import { randomUUID } from 'node:crypto'
import { openSqliteStore } from '../../packages/server/src/store/sqlite/store.ts'

const [dataDir = '', count = '50000'] = process.argv.slice(2)
const pageRuns = 100
const tries = 20
const store = await openSqliteStore({ dataDir })

/** Of a hundred runs one is Ann's, and one is a session; the last two of all are open. */
async function create(n: number): Promise<void> {
  const kind = n % 100 === 1 ? 'session' : n % 2 === 0 ? 'job' : 'execution'
  const id = randomUUID()
  await store.createRun({
    id,
    kind,
    project: `project ${n % 7}`,
    owner: n % 100 === 0 ? 'ann' : `user ${n % 5}`,
    spec: { tool: 'build', prompt: `Task ${n}: ${'words '.repeat(40)}` },
    createdAt: Date.now(),
    retryOf: null,
    resumes: null,
    exclusive: false,
    queued: { at: Date.now(), type: 'run:queued', json: '{}' },
    idempotency: null,
  })
  if (n > Number(count) - 2) return
  await store.finish(id, 0, {
    state: n % 200 === 3 ? 'errored' : 'completed',
    event: { at: Date.now(), type: 'done', json: '{}' },
    result: { success: n % 3 === 0 },
    error: null,
    usage: null,
  })
}

for (let n = 0; n < Number(count); n += 1000) {
  await Promise.all(Array.from({ length: Math.min(1000, Number(count) - n) }, (_, i) => create(n + i + 1)))
}

const filters = [
  {},
  { owner: 'ann' },
  { owner: 'nobody' },
  { kind: 'session' },
  { kind: 'external' },
  { state: 'errored' },
  { state: 'queued' },
  { state: 'running' },
  { project: 'project 3' },
  { owner: 'ann', kind: 'session' },
  { owner: 'user 1', kind: 'session' },
  { owner: 'user 1', state: 'errored' },
  { owner: 'user 1', state: 'running' },
  { owner: 'ann', project: 'project 3' },
  { project: 'project 3', kind: 'session' },
  { project: 'project 3', state: 'running' },
  { q: 'task 49' },
  { q: 'words' },
  { q: 'nothing has this' },
  { owner: 'user 1', q: 'nothing has this' },
] as const

const measured: object[] = []
for (const filter of filters) {
  const times: number[] = []
  for (let n = 0; n < tries; n += 1) {
    const began = performance.now()
    await store.listRuns({ ...filter, limit: pageRuns })
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  const began = performance.now()
  let runs = 0
  let worstPageMs = 0
  let cursor: string | undefined
  do {
    const asked = performance.now()
    const page = await store.listRuns({
      ...filter,
      limit: pageRuns,
      ...(cursor === undefined ? {} : { cursor }),
    })
    worstPageMs = Math.max(worstPageMs, performance.now() - asked)
    runs += page.runs.length
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  const figures = { medianMs: times[tries / 2] ?? 0, worstPageMs, walkMs: performance.now() - began }
  const rounded = Object.fromEntries(
    Object.entries(figures).map(([name, ms]) => [name, Math.round(ms * 100) / 100]),
  )
  measured.push({ filter, runs, ...rounded })
}
await store.close()
console.log(JSON.stringify({ measured }))
