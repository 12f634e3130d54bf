/** Two nodes of one machine that listen on one port. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { post, quietPort, type ServerProcess } from '@millrace/test-support/server'
import { connect } from '@millrace/test-support/sse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { millraceToEnd } from '../support/cli.ts'
import { type Cluster, openCluster, postgres } from './support/cluster.ts'

describe.skipIf(postgres === null)('two nodes on one port', () => {
  const names = ['one', 'two']
  let cluster: Cluster
  let nodes: ServerProcess[]

  beforeAll(async () => {
    const port = await quietPort()
    cluster = await openCluster({
      projects: { web: { path: 'web' } },
      tools: { count: { command: ['seq', '100'] }, wait: { command: ['sleep', '600'] } },
      sandbox: { mode: 'off' },
      http: { reusePort: true },
    })
    mkdirSync(join(cluster.folder, 'web'))
    nodes = await Promise.all(names.map((name) => cluster.start(name, { port })))
  })
  afterAll(() => cluster.end())

  const headers = () => ({ Authorization: `Bearer ${cluster.token}` })
  const cardOf = (name: string) =>
    JSON.parse(readFileSync(join(cluster.folder, name, 'server.json'), 'utf8')) as {
      url: string
      token: string
    }
  /** Open streams of a node, asked at the door that it alone listens at. */
  const streamsOf = async (name: string) => {
    const { url, token } = cardOf(name)
    const text = await (
      await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${token}` } })
    ).text()
    return Number(/^millrace_followers (\d+)/m.exec(text)?.[1])
  }

  test('connections to it reach both, and every follower receives every event', async () => {
    const [first, second] = nodes
    expect(first?.url).toBe(second?.url)
    const url = first?.url ?? ''
    const start = async (tool: string) => {
      const response = await fetch(`${url}/api/runs`, {
        ...post({ kind: 'job', project: 'web', tool }),
        headers: { ...headers(), 'Content-Type': 'application/json' },
      })
      return ((await response.json()) as { run: Run }).run
    }
    const [run, waiting] = await Promise.all([start('count'), start('wait')])
    // The kernel picks a node by the port that a client comes from: forty all at one node is a chance of 2^-39.
    const open = await Promise.all(
      Array.from({ length: 40 }, () => connect(`${url}/api/runs/${waiting.id}/events`, headers())),
    )
    const counts = await Promise.all(names.map(streamsOf))
    expect(counts.reduce((sum, count) => sum + count)).toBe(40)
    expect(Math.min(...counts)).toBeGreaterThan(0)
    for (const stream of open) stream.close()
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => connect(`${url}/api/runs/${run.id}/events`, headers())),
    )
    for (const stream of streams) {
      await stream.over
      const ids = stream.events.map(({ id }) => Number(id))
      expect(ids).toEqual(Array.from({ length: ids.length }, (_, n) => n + 1))
      expect(stream.events.filter(({ type }) => type === 'output')).toHaveLength(100)
    }
  })

  test('a local command reaches the node of its data directory, whose token no other knows', async () => {
    expect(cardOf('one').url).not.toBe(cardOf('two').url)
    for (const name of names) {
      const outcomes = await Promise.all(
        [1, 2, 3].map(() =>
          millraceToEnd(['runs', '--json', '--data', join(cluster.folder, name)], { cwd: cluster.folder }),
        ),
      )
      expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, '']))
    }
  })

  test('the one that is left serves all new connections', async () => {
    expect(await cluster.at('one').end()).toBe(0)
    for (let n = 0; n < 10; n++) {
      const response = await fetch(`${cluster.at('two').url}/api/runs`, {
        headers: { ...headers(), Connection: 'close' },
      })
      expect(response.status).toBe(200)
    }
  })
})
