/** What goes wrong with a node that does not die: it is held up, cut off from the database, or its clock is wrong. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run, TokenRecord } from '@millrace/protocol'
import { namespacesMissing } from '@millrace/test-support/network/namespaces'
import { openRelay } from '@millrace/test-support/network/relay'
import { processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, openCluster, postgres } from './support/cluster.ts'
import { takenOver } from './support/takeover.ts'

const leaseSeconds = 6

/** Passes bytes on until `drop()`, then swallows them in silence, in both directions. */
async function droppingProxy(to: number) {
  let drops = false
  const relay = await openRelay({ to, onData: () => (drops ? 'drop' : 'pass'), tellsClose: () => !drops })
  return {
    ...relay,
    drop: () => {
      drops = true
    },
  }
}

describe.skipIf(postgres === null)('two servers on one database', () => {
  let cluster: Cluster
  let b: ServerProcess

  beforeAll(async () => {
    cluster = await openCluster({
      projects: { web: { path: 'web' } },
      tools: { work: { command: ['bash', 'work.sh', '{mark}'], args: { mark: { required: true } } } },
      limits: { startsPerMinute: 100_000 },
      sandbox: { mode: 'off' },
      store: { leaseSeconds },
    })
    mkdirSync(join(cluster.folder, 'web'))
    writeFileSync(join(cluster.folder, 'web', 'work.sh'), 'while true; do echo "$1"; sleep 0.05; done\n')
    b = await cluster.start('b', { env: { MILLRACE_ROLE: 'web' } })
  })
  afterAll(() => cluster.end())

  const runAt = async (server: ServerProcess, id: string) =>
    (await server.json<{ run: Run }>(`/api/runs/${id}`)).run
  const worker = { env: { MILLRACE_ROLE: 'worker' } }
  /** A job that goes on until it is ended, at whichever worker there is. */
  const work = async (mark: string) => {
    // A worker that has just started is known to the other server a second later.
    const known = async () => (await b.json<{ projects: { id: string }[] }>('/api/projects')).projects
    await expect.poll(known).toEqual([{ id: 'web' }])
    const { run } = await b.json<{ run: Run }>(
      '/api/runs',
      post({ kind: 'job', project: 'web', tool: 'work', args: { mark } }),
    )
    await expect.poll(async () => (await runAt(b, run.id)).head).toBeGreaterThan(5)
    return run.id
  }
  /** What the database has of a log: how many events, and how many of them are terminal. */
  const logOf = async (id: string) => {
    const [row] = await cluster.query<{ head: number; closed: boolean; ends: number }>(
      `SELECT head::int, closed, (SELECT count(*)::int FROM batches WHERE run = runs.n AND body LIKE '% interrupted %') AS ends
        FROM runs WHERE id = $1`,
      [id],
    )
    return row
  }

  test('a node that is held up past its lease writes nothing when it wakes, and ends', async () => {
    const a = await cluster.start('a', worker)
    const mark = `held-${randomUUID()}`
    const id = await work(mark)
    a.child.kill('SIGSTOP')
    await expect.poll(async () => (await runAt(b, id)).state).toBe('interrupted')
    const taken = await logOf(id)
    a.child.kill('SIGCONT')
    const wokeAt = performance.now()
    expect(await a.exited).not.toBe(0)
    await expect.poll(() => processesWith(mark)).toEqual([])
    const took = performance.now() - wokeAt
    expect(await logOf(id)).toEqual(taken)
    console.log(`a node that was held up was gone with its processes ${Math.round(took)} ms after it woke`)
  })

  // Where packets can be lost for real, partition.test.ts shows the same.
  test.runIf(namespacesMissing() !== null)(
    'a node that is cut off from the database ends its processes before others take its runs',
    async () => {
      const proxy = await droppingProxy(Number(new URL(postgres ?? '').port))
      const store = cluster.store.replace(/:\d+\//, `:${proxy.port}/`)
      const a = await cluster.start('cut', { env: { ...worker.env, MILLRACE_STORE: store } })
      const mark = `cut-${randomUUID()}`
      const id = await work(mark)
      proxy.drop()
      const { deadMs, takenMs } = await takenOver(mark, async () => (await runAt(b, id)).state)
      const taken = await logOf(id)
      await a.exited
      expect(await logOf(id)).toEqual(taken)
      await proxy.close()
      console.log(
        `cut off: processes ended after ${deadMs} ms, taken over after ${takenMs} ms, with a lease of ${leaseSeconds * 1000} ms`,
      )
    },
  )

  test('nodes whose clocks are ten minutes wrong keep their leases, and agree when a token expires', async () => {
    const clock = (minutes: number) => ({
      NODE_OPTIONS: `--import data:text/javascript,const{now}=Date;Date.now=()=>now()+${minutes * 60_000}`,
    })
    const [ahead, behind] = await Promise.all([
      cluster.start('ahead', { env: clock(10) }),
      cluster.start('behind', { env: clock(-10) }),
    ])
    const { token, expiresAt } = await ahead.json<TokenRecord & { token: string }>(
      '/api/admin/tokens',
      post({ user: 'ada', ttlSeconds: 8 }),
    )
    const [now] = await cluster.query<{ ms: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
    )
    expect(Math.abs((expiresAt ?? 0) - (now?.ms ?? 0))).toBeLessThan(60_000)
    const statuses = () =>
      Promise.all(
        [ahead, behind].map(
          async ({ url }) =>
            (await fetch(`${url}/api/runs`, { headers: { Authorization: `Bearer ${token}` } })).status,
        ),
      )
    expect(await statuses()).toEqual([200, 200])
    await expect.poll(statuses).toEqual([401, 401])
    // More than a lease has passed.
    expect([ahead.child.exitCode, behind.child.exitCode]).toEqual([null, null])
    const mark = `late-${randomUUID()}`
    const id = await work(mark)
    const { createdAt } = await runAt(ahead, id)
    const [then] = await cluster.query<{ ms: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
    )
    expect(Math.abs(createdAt - (then?.ms ?? 0))).toBeLessThan(60_000)
    await ahead.call(`/api/runs/${id}/abort`, { method: 'POST' })
    await expect.poll(async () => (await runAt(b, id)).state).toBe('aborted')
  })
})
