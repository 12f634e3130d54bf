/** Two servers on a database whose standby takes over without the newest events. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { openFailover } from '@millrace/test-support/network/failover'
import { post } from '@millrace/test-support/server'
import { connect, framesOf, idOf } from '@millrace/test-support/sse'
import { expect, onTestFinished, test } from 'vitest'
import { openCluster, postgres } from './support/cluster.ts'

const names = ['a', 'b']

test.skipIf(postgres === null)(
  'after a failover that lost events every follower receives a reset and then the log that is left, those that were live too',
  async () => {
    const database = await openFailover()
    const cluster = await openCluster(
      {
        projects: { web: { path: 'web' } },
        tools: { count: { command: ['bash', 'count.sh'] } },
        sandbox: { mode: 'off' },
      },
      database.url,
    )
    onTestFinished(() => cluster.end())
    mkdirSync(join(cluster.folder, 'web'))
    const script = 'for ((n = 1; ; n++)); do echo "$n"; sleep 0.05; done\n'
    writeFileSync(join(cluster.folder, 'web', 'count.sh'), script)
    await Promise.all(names.map((name) => cluster.start(name)))
    const start = post({ kind: 'job', project: 'web', tool: 'count' })
    const { run } = await cluster.at('a').json<{ run: Run }>('/api/runs', start)
    const headOf = async () => (await cluster.at('b').json<{ run: Run }>(`/api/runs/${run.id}`)).run.head
    await expect.poll(headOf).toBeGreaterThan(5)
    const follow = (name: string, headers: Record<string, string> = {}) =>
      connect(`${cluster.at(name).url}/api/runs/${run.id}/events`, {
        Authorization: `Bearer ${cluster.token}`,
        ...headers,
      })
    const live = await Promise.all(names.map((name) => follow(name)))
    await database.stall()
    const kept = await headOf()
    await expect.poll(headOf).toBeGreaterThan(kept + 5)
    await database.failOver()

    // Each node notices by itself, and ends: a supervisor starts it again.
    const codes = await Promise.all(names.map((name) => cluster.at(name).exited))
    expect(codes).not.toContain(0)
    await Promise.all(live.map(({ over }) => over))
    await Promise.all(names.map((name) => cluster.start(name)))
    const stateOf = async () => (await cluster.at('b').json<{ run: Run }>(`/api/runs/${run.id}`)).run.state
    await expect.poll(stateOf).toBe('interrupted')
    for (const [n, { bytes, response }] of live.entries()) {
      const frames = framesOf(bytes()).filter((frame) => /^id:/m.test(frame))
      const farewell = frames.pop()
      expect(farewell).toBe('id: \nevent: reset\ndata: {"reason":"epoch","firstSeq":1,"head":0}')
      const ids = frames.map(idOf)
      expect(ids).toEqual(ids.map((_, index) => String(index + 1)))
      expect(ids.length).toBeGreaterThan(kept)
      // An EventSource has forgotten its cursor; our client states the epoch that it is of.
      const [name = '', epoch] = [names[n], response.headers['millrace-epoch']]
      const fresh = await follow(name)
      const resuming = await follow(name, { 'Last-Event-ID': '1', 'Millrace-Epoch': String(epoch) })
      await Promise.all([fresh.over, resuming.over])
      const left = framesOf(fresh.bytes()).filter((frame) => idOf(frame) !== undefined)
      expect(left.map(idOf)).toEqual(left.map((_, index) => String(index + 1)))
      expect(left.at(-1)).toContain('"state":"interrupted"')
      const [reset = '', ...again] = framesOf(resuming.bytes()).filter((frame) => /^event:/m.test(frame))
      expect(reset).toContain('"reason":"epoch"')
      expect(again).toEqual(left)
    }
  },
)
