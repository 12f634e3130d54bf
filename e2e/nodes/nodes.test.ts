/** Three servers on one Postgres: a run is followed and ended at any of them, and outlives any of them but its own. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { idOf } from '@millrace/test-support/sse'
import { Client } from 'pg'
import { afterAll, expect, inject, test } from 'vitest'
import type {} from '../../scripts/postgres-setup.ts'
import { followThrough } from '../support/resuming.ts'

const postgres = inject('postgres')
const token = `token-${randomUUID()}`
const suite = `nodes-${randomUUID()}`
const scratch = scratchFolder()
const servers = new Map<string, ServerProcess>()
afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.end()))
  scratch.dispose()
})

const full = process.env.MILLRACE_TEST_FULL !== undefined
/** How many runs the server has that is killed, one of which is aborted before, and how many clients follow each of the others. */
const [runCount, followerCount] = full ? [101, 10] : [6, 3]
/** From one line of a run to the next. */
const pauseSeconds = full ? 0.5 : 0.05
/** A machine that starts a hundred processes at once may hold a node up for seconds. */
const leaseSeconds = full ? 15 : 5
const config = {
  projects: { web: { path: 'web' } },
  tools: {
    work: {
      command: ['bash', 'work.sh', '{mark}', '{lines}'],
      args: { mark: { required: true }, lines: { required: true } },
    },
  },
  concurrency: { job: 120 },
  limits: { startsPerMinute: 100_000, streamsPerUser: 10_000 },
  store: { leaseSeconds },
}
const script = `for ((n = 1; n <= $2; n++)); do echo "$n $1"; sleep ${pauseSeconds}; done\n`

/** The schema of this file, in the address as a driver's option. */
async function storeAddress(): Promise<string> {
  const schema = `nodes_${randomUUID().replaceAll('-', '')}`
  const client = new Client({ connectionString: postgres ?? '' })
  await client.connect()
  await client.query(`CREATE SCHEMA ${schema}`)
  await client.end()
  return `${postgres}?options=${encodeURIComponent(`-c search_path=${schema}`)}`
}

test.skipIf(postgres === null)(
  'of three servers on one database each serves the runs of all, and takes over those of one that was killed',
  { timeout: 300_000 },
  async () => {
    mkdirSync(join(scratch.path, 'web'))
    writeFileSync(join(scratch.path, 'web', 'work.sh'), script)
    const store = await storeAddress()
    const start = async (name: string) => {
      const dataDir = join(scratch.path, name)
      mkdirSync(dataDir, { recursive: true })
      const env = { MILLRACE_TOKEN: token, MILLRACE_STORE: store }
      const server = await startServer({
        config: { ...config, projects: { web: { path: join(scratch.path, 'web') } } },
        cwd: scratch.path,
        dataDir,
        env,
      })
      servers.set(name, server)
      return server
    }
    const at = (name: string) => servers.get(name) as ServerProcess
    const startJob = async (name: string, mark: string, lines: number) => {
      const body = { kind: 'job', project: 'web', tool: 'work', args: { mark, lines: String(lines) } }
      return (await at(name).json<{ run: Run }>('/api/runs', post(body))).run
    }
    const runAt = async (name: string, id: string) =>
      (await at(name).json<{ run: Run }>(`/api/runs/${id}`)).run

    // Only the first is there: all of these run at it.
    await start('a')
    const marks = Array.from({ length: runCount }, (_, n) => `${suite}/${n}`)
    const runs = await Promise.all(marks.map((mark) => startJob('a', mark, 100_000)))
    for (const { id } of runs) await expect.poll(async () => (await runAt('a', id)).state).toBe('running')
    await Promise.all([start('b'), start('c')])
    const [aborted, ...killed] = runs as [Run, ...Run[]]

    // Followers at every server; those of the first go elsewhere when it is gone.
    const followers = killed.flatMap(({ id }) =>
      Array.from({ length: followerCount }, (_, n) => {
        let here = ['a', 'b', 'c'][n % 3] ?? 'a'
        const url = () => {
          const server = at(here)
          here = here === 'a' ? 'b' : here
          return `${server.url}/api/runs/${id}/events`
        }
        return followThrough(url, token)
      }),
    )
    const short = await startJob('b', `${suite}/short`, 3)
    await expect.poll(async () => (await runAt('c', short.id)).state).toBe('completed')

    // A server comes and goes, and no run of another notices.
    expect(await at('b').end()).toBe(0)
    await start('b')
    for (const { id } of runs) expect((await runAt('c', id)).state).toBe('running')

    // An abort at another server reaches the processes.
    const { run: over } = await at('c').json<{ run: Run }>(`/api/runs/${aborted.id}/abort`, {
      method: 'POST',
    })
    expect(over.state).toBe('aborted')
    expect(processesWith(marks[0] ?? '')).toEqual([])

    const killedAt = Date.now()
    await at('a').end('SIGKILL')
    await Promise.all(followers.map(({ over }) => over))
    const took = Date.now() - killedAt
    // The lease, a second until the others look, and a machine that is busy with other things.
    expect(took).toBeLessThan((leaseSeconds + 20) * 1000)
    console.log(
      `all ${followers.length} followers of ${killed.length} runs had the end ${took} ms after the kill, with a lease of ${leaseSeconds * 1000} ms`,
    )
    for (const { frames } of followers) {
      const ids = frames.flatMap((frame) => idOf(frame) ?? [])
      expect(ids).toEqual(ids.map((_, index) => String(index + 1)))
      const ends = frames.filter((frame) => /^event: (complete|error|aborted|interrupted)$/m.test(frame))
      expect(ends).toEqual([frames.at(-1)])
    }
    for (const { id } of killed) {
      expect(await runAt('b', id)).toMatchObject({ state: 'interrupted' })
    }

    await start('a')
    await expect.poll(() => marks.flatMap((mark) => processesWith(mark))).toEqual([])
    const next = await startJob('a', `${suite}/next`, 3)
    await expect.poll(async () => (await runAt('b', next.id)).state).toBe('completed')
  },
)
