/** A node and its database in network namespaces of their own, between which all packets are lost. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { type Cable, namespacesMissing, openCable } from '@millrace/test-support/network/namespaces'
import { type PostgresServer, startPostgres } from '@millrace/test-support/postgres-server'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, openCluster, postgres } from './support/cluster.ts'
import { takenOver } from './support/takeover.ts'

const leaseSeconds = 6
const missing = postgres === null ? 'Postgres is not installed' : namespacesMissing()
if (missing !== null) console.warn(`The test of a node whose packets are lost is left out: ${missing}`)

describe.skipIf(missing !== null)('a node whose packets to the database are lost', () => {
  let cable: Cable
  let database: PostgresServer
  let cluster: Cluster
  let web: ServerProcess

  beforeAll(async () => {
    cable = openCable()
    const server = await startPostgres({ network: cable.far })
    if (server === null) throw new Error('Postgres is not installed')
    database = server
    cluster = await openCluster(
      {
        projects: { web: { path: 'web' } },
        tools: { work: { command: ['bash', 'work.sh', '{mark}'], args: { mark: { required: true } } } },
        sandbox: { mode: 'off' },
        store: { leaseSeconds },
      },
      server.url,
    )
    mkdirSync(join(cluster.folder, 'web'))
    writeFileSync(join(cluster.folder, 'web', 'work.sh'), 'while true; do echo "$1"; sleep 0.02; done\n')
    web = await cluster.start('web-node', { env: { MILLRACE_ROLE: 'web' } })
  })
  afterAll(async () => {
    await cluster?.end()
    await database?.stop()
    cable?.remove()
  })

  const runOf = async (id: string) => (await web.json<{ run: Run }>(`/api/runs/${id}`)).run
  /** Connections of the node, which the database knows by its address. */
  const connections = async () => {
    const [row] = await cluster.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM pg_stat_activity WHERE client_addr = $1',
      [cable.near.address],
    )
    return row?.count ?? 0
  }
  const logOf = (id: string) =>
    cluster.query<{ seq: number; writer: number }>(
      'SELECT last_seq::int AS seq, writer::int FROM batches JOIN runs ON runs.n = run WHERE id = $1 ORDER BY last_seq',
      [id],
    )

  test('it ends its processes before others take its run, and what it sent arrives after that and writes nothing', async () => {
    const store = cluster.store.replace(/@[^/]+\//, `@${cable.far.address}:${database.port}/`)
    const node = await cluster.start('worker', {
      through: cable.near.enter,
      env: { MILLRACE_ROLE: 'worker', MILLRACE_STORE: store },
    })
    const known = async () => (await web.json<{ projects: { id: string }[] }>('/api/projects')).projects
    await expect.poll(known).toEqual([{ id: 'web' }])
    const mark = `lost-${randomUUID()}`
    const body = { kind: 'job', project: 'web', tool: 'work', args: { mark } }
    const { run } = await web.json<{ run: Run }>('/api/runs', post(body))
    await expect.poll(async () => (await runOf(run.id)).head).toBeGreaterThan(20)
    expect(await connections()).toBeGreaterThan(0)

    cable.pull()
    const { deadMs, takenMs } = await takenOver(mark, async () => (await runOf(run.id)).state)
    const log = await logOf(run.id)
    // Nothing told the database that its client is gone.
    expect(await connections()).toBeGreaterThan(0)
    expect(await node.exited).not.toBe(0)

    // Now the system delivers what the node had handed to it.
    cable.plug()
    await expect.poll(connections).toBe(0)
    expect(await logOf(run.id)).toEqual(log)
    console.log(
      `packets lost: processes ended after ${deadMs} ms, taken over after ${takenMs} ms, with a lease of ${leaseSeconds * 1000} ms`,
    )
  })
})
