/** The unmodified PocketBase SDK at two servers behind a proxy that hands each request to the next one. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Run, TokenRecord } from '@millrace/protocol'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { connect } from '@millrace/test-support/sse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startNginx } from '../support/nginx.ts'
import { type SdkPlace, sdkInNode } from '../support/pocketbase.ts'
import { type Cluster, openCluster, postgres } from './support/cluster.ts'

describe.skipIf(postgres === null)('two servers on one database', () => {
  const releases: (() => unknown)[] = []
  let cluster: Cluster
  let [a, b]: ServerProcess[] = []
  let proxy = ''
  let place: SdkPlace

  beforeAll(async () => {
    place = await sdkInNode()
    cluster = await openCluster({
      projects: { web: { path: 'web' } },
      tools: { quick: { command: ['echo', 'hello'] }, wait: { command: ['sleep', '600'] } },
      sandbox: { mode: 'off' },
      limits: { loginsPerMinute: 5 },
      realtime: { publicTopics: ['news'] },
      http: { trustProxy: true },
    })
    releases.push(() => cluster.end())
    mkdirSync(join(cluster.folder, 'web'))
    ;[a, b] = await Promise.all([cluster.start('a'), cluster.start('b')])
    const nginx = await startNginx(
      join(cluster.folder, 'nginx'),
      (port) => `
        upstream millrace {
          server ${new URL(here().url).host};
          server ${new URL(there().url).host};
        }
        server {
          listen 127.0.0.1:${port};
          location / {
            proxy_pass http://millrace;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering off;
            proxy_read_timeout 120s;
          }
        }`,
    )
    releases.push(() => nginx.end())
    proxy = nginx.url
  })
  afterAll(async () => {
    for (const release of releases.reverse()) await release()
  })

  const here = () => a as ServerProcess
  const there = () => b as ServerProcess
  const tokenOf = async (user: string) =>
    here().json<TokenRecord & { token: string }>('/api/admin/tokens', post({ user }))

  test('the SDK subscribes through a round-robin proxy, and receives the runs and messages of both servers', async () => {
    const { token } = await tokenOf('olga')
    const sdks = await Promise.all(Array.from({ length: 4 }, () => place.open(proxy)))
    for (const sdk of sdks) await sdk.logIn(token)
    // The proxy takes turns: of a stream and the requests for it, about half meet at one server.
    const followed = await Promise.all(
      sdks.map(async (sdk) => ({
        runs: await sdk.subscribe('runs/*'),
        own: await sdk.subscribe('my topic'),
      })),
    )
    const open = await Promise.all(
      [here(), there()].map(async (server) => {
        const text = await (await server.call('/metrics')).text()
        return Number(/^millrace_realtime_clients (\d+)/m.exec(text)?.[1])
      }),
    )
    expect(open.reduce((sum, count) => sum + count)).toBe(4)
    for (const [n, server] of [here(), there()].entries()) {
      const response = await server.call('/api/runs', {
        ...post({ kind: 'job', project: 'web', tool: 'quick' }),
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      })
      const { run } = (await response.json()) as { run: Run }
      for (const { runs } of followed)
        await runs.until((events) =>
          events.some(({ record }) => record.id === run.id && record.state === 'completed'),
        )
      expect(
        (await server.call('/api/realtime/publish', post({ topic: 'my topic', data: { n } }))).status,
      ).toBe(204)
    }
    const long = 'long '.repeat(50_000)
    await there().call('/api/realtime/publish', post({ topic: 'my topic', data: { long } }))
    for (const { own } of followed) {
      await own.until((events) => events.length === 3)
      expect(own.events).toEqual([{ n: 0 }, { n: 1 }, { long }])
    }
    for (const sdk of sdks) await sdk.unsubscribe('my topic')
    for (const sdk of sdks) await sdk.close()
  })

  test('a client of one server is refused at another as it is at its own', async () => {
    const { token } = await tokenOf('otto')
    const stream = await connect(`${here().url}/api/realtime`, {})
    const { id: clientId = '' } = await stream.until(({ type }) => type === 'PB_CONNECT')
    const subscribe = (id: string, authorization: string) =>
      fetch(`${there().url}/api/realtime`, {
        ...post({ clientId: id, subscriptions: ['runs/*'] }),
        headers: { Authorization: authorization, 'Content-Type': 'application/json' },
      })
    expect((await subscribe(clientId, `Bearer ${token}`)).status).toBe(204)
    // It belongs to its first user.
    const { token: other } = await tokenOf('olga')
    expect((await subscribe(clientId, `Bearer ${other}`)).status).toBe(403)
    expect((await subscribe(`${clientId.slice(0, -1)}_`, `Bearer ${token}`)).status).toBe(404)
    expect((await subscribe(`000000000000-${clientId.slice(13)}`, `Bearer ${token}`)).status).toBe(404)
    stream.close()
  })

  test('a token that is revoked at one server ends its streams at both within 2 seconds', async () => {
    const { token, id } = await tokenOf('ada')
    const authorization = { Authorization: `Bearer ${token}` }
    const response = await here().call('/api/runs', {
      ...post({ kind: 'job', project: 'web', tool: 'wait' }),
      headers: { ...authorization, 'Content-Type': 'application/json' },
    })
    const { run } = (await response.json()) as { run: Run }
    const streams = await Promise.all(
      [here(), there()].map((server) => connect(`${server.url}/api/runs/${run.id}/events`, authorization)),
    )
    expect(streams.map(({ response }) => response.statusCode)).toEqual([200, 200])
    const revokedAt = performance.now()
    expect((await there().call(`/api/admin/tokens/${id}`, { method: 'DELETE' })).ok).toBe(true)
    await Promise.all(streams.map(({ over }) => over))
    const took = performance.now() - revokedAt
    console.log(`streams of a revoked token ended at both servers after ${Math.round(took)} ms`)
    // Two seconds, and a machine that is busy with other things.
    expect(took).toBeLessThan(8000)
    expect((await there().call(`/api/runs/${run.id}`, { headers: authorization })).status).toBe(401)
    await here().call(`/api/runs/${run.id}/abort`, { method: 'POST' })
  })

  test('a ticket has one stream, wherever it was opened before', async () => {
    const response = await here().call('/api/runs', post({ kind: 'job', project: 'web', tool: 'wait' }))
    const { run } = (await response.json()) as { run: Run }
    const path = `/api/runs/${run.id}/events`
    // A token that both servers know: one of a single server dies with it, and so do its tickets.
    const asked = await fetch(`${here().url}/api/tickets`, {
      ...post({ path }),
      headers: { Authorization: `Bearer ${cluster.token}`, 'Content-Type': 'application/json' },
    })
    const { ticket } = (await asked.json()) as { ticket: string }
    const first = await connect(`${here().url}${path}?ticket=${ticket}`, {})
    expect(first.response.statusCode).toBe(200)
    const second = await connect(`${there().url}${path}?ticket=${ticket}`, {})
    expect(second.response.statusCode).toBe(200)
    await first.over
    second.close()
    await here().call(`/api/runs/${run.id}/abort`, { method: 'POST' })
  })

  test('failed logins are counted over both servers', async () => {
    const fail = async (server: ServerProcess) =>
      (await fetch(`${server.url}/login?code=wrong`, { headers: { 'X-Forwarded-For': '192.0.2.7' } })).status
    const statuses: number[] = []
    for (let n = 0; n < 8; n++) statuses.push(await fail(n % 2 === 0 ? here() : there()))
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    expect(
      (await fetch(`${there().url}/login?code=wrong`, { headers: { 'X-Forwarded-For': '192.0.2.8' } }))
        .status,
    ).toBe(401)
  })
})
