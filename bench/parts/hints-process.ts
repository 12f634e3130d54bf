/**
 * What one hint of another node costs: one node appends, another that follows nothing hears. Run with
 * `npx node bench/parts/hints-process.ts [hints]`; it starts a Postgres of its own.
 */
import { randomUUID } from 'node:crypto'
import { startPostgres } from '@millrace/test-support/postgres-server'
import { openPostgresStore } from '../../packages/server/src/store/postgres/store.ts'

const role = process.argv[2]
if (role === 'hear') await hear(process.argv[3] ?? '', Number(process.argv[4]))
else await measure(Number(role ?? 20_000))

async function measure(hints: number): Promise<void> {
  const { fork } = await import('node:child_process')
  const server = await startPostgres()
  if (server === null) throw new Error('Postgres is not installed here')
  const settings = { connectionString: server.url }
  const store = await openPostgresStore({ settings })
  const child = fork(new URL(import.meta.url).pathname, ['hear', server.url, String(hints)])
  await new Promise((ready) => child.once('message', ready))
  const done = new Promise((over) => child.once('message', over))
  const at = Date.now()
  const id = randomUUID()
  await store.createRun({
    id,
    kind: 'external',
    project: null,
    owner: 'bench',
    spec: {},
    createdAt: at,
    retryOf: null,
    resumes: null,
    exclusive: false,
    queued: { at, type: 'run:queued', json: '{}' },
    detached: { started: { at, type: 'run:started', json: '{}' }, leaseUntil: at + 3_600_000 },
    idempotency: null,
  })
  let stop = false
  void done.then(() => {
    stop = true
  })
  while (!stop) await store.append(id, 1, [{ at, type: 'output', json: '{}' }])
  console.log(JSON.stringify(await done))
  child.kill()
  await store.close()
  await server.stop()
}

async function hear(url: string, hints: number): Promise<void> {
  const store = await openPostgresStore({ settings: { connectionString: url } })
  let heard = 0
  let before = process.cpuUsage()
  store.onCommit(() => {
    heard += 1
    if (heard === 1000) before = process.cpuUsage()
    if (heard !== hints + 1000) return
    const { user, system } = process.cpuUsage(before)
    process.send?.({ hints, usPerHint: Math.round(((user + system) / hints) * 10) / 10 })
  })
  process.send?.('ready')
}
