/**
 * `kill -9` of the server at random moments, with jobs running and queued and clients following, again
 * and again on one data directory and one port. The moments come from a seed that a failure prints.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { processesWith } from '@millrace/test-support/processes'
import type { ReceivedEvent } from '@millrace/test-support/received'
import { post, quietPort, type ServerProcess, startServer } from '@millrace/test-support/server'
import { connect, framesOf } from '@millrace/test-support/sse'
import { afterAll, expect, it, onTestFailed } from 'vitest'
import { followWithPackage } from './support/event-source.ts'
import { seededRandom } from './support/random.ts'
import { followThrough } from './support/resuming.ts'

const cycles = process.env.MILLRACE_TEST_FULL ? 100 : 2
/** A cycle takes about two seconds, on a machine that is busy with other things twenty. */
const timeout = cycles * 60_000
const token = `token-${randomUUID()}`
const suite = `kill-${randomUUID()}`
const scratch = scratchFolder()
afterAll(() => scratch.dispose())

/** Leaves a child behind that is in a session of its own and ignores every signal but SIGKILL. */
const script = `
setsid bash -c "trap '' TERM HUP INT; while :; do sleep 1; done" "$1" </dev/null >/dev/null 2>&1 &
for ((n = 1; n <= $2; n++)); do
  echo "$n ünï 😀 $1"
  ((n % 20)) || sleep 0.05
done
`

/** When the server was killed: between these two moments. */
interface Kill {
  before: number
  after: number
}

interface FollowedRun {
  id: string
  /** On the command lines of its processes, and in each of its lines. */
  mark: string
  lines: number
  raw: ReturnType<typeof followThrough>
  eventSource: ReturnType<typeof followWithPackage>
}

it(`a server loses, repeats and invents nothing in ${cycles} cycles of kill -9`, { timeout }, async () => {
  const random = seededRandom()
  onTestFailed(() => console.error(`MILLRACE_TEST_SEED=${random.seed}`))
  for (const folder of ['web', 'data']) mkdirSync(join(scratch.path, folder))
  writeFileSync(join(scratch.path, 'web', 'work.sh'), script)
  const config = {
    projects: { web: { path: 'web' } },
    tools: {
      work: {
        command: ['bash', 'work.sh', '{mark}', '{lines}'],
        args: { mark: { required: true }, lines: { required: true } },
      },
    },
    concurrency: { job: 2 },
    limits: { startsPerMinute: 100_000, streamsPerUser: 10_000 },
  }
  writeFileSync(join(scratch.path, 'millrace.config.json'), JSON.stringify(config))
  const options = {
    cwd: scratch.path,
    dataDir: join(scratch.path, 'data'),
    port: await quietPort(),
    env: { MILLRACE_TOKEN: token },
  }
  const kills: Kill[] = []
  const runs: FollowedRun[] = []
  const kill = async (child: ServerProcess['child']) => {
    const before = Date.now()
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    kills.push({ before, after: Date.now() })
  }
  const newJob = () => ({ mark: `${suite}/${randomUUID()}`, lines: random.between(1, 500) })
  const longJobs = (count: number) => Array.from({ length: count }, () => ({ ...newJob(), lines: 500 }))
  const start = (server: ServerProcess, { mark, lines }: ReturnType<typeof newJob>) => {
    const body = { kind: 'job', project: 'web', tool: 'work', args: { mark, lines: String(lines) } }
    const init = post(body)
    // The mark is as good a key as any: a start that is tried again after a kill must be one run.
    return server.json<{ run: Run }>('/api/runs', {
      ...init,
      headers: { ...init.headers, 'Idempotency-Key': mark },
    })
  }
  const follow = (job: ReturnType<typeof newJob>, { id }: Run) => {
    const url = `http://127.0.0.1:${options.port}/api/stream/${id}`
    const [raw, eventSource] = [followThrough(url, token), followWithPackage(url, token, { retryMs: 50 })]
    runs.push({ ...job, id, raw, eventSource })
  }

  let server = await startServer(options)
  const epochs = new Set<unknown>()
  try {
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      for (const job of [newJob(), newJob()]) follow(job, (await start(server, job)).run)
      epochs.add(await epochOf(server))
      await sleep(random.between(0, 900))
      const racing = newJob()
      // The last time there is certainly something in the queue.
      const isLast = cycle === cycles - 1
      if (isLast) for (const job of longJobs(6)) follow(job, (await start(server, job)).run)
      const answer = start(server, racing).catch(() => null)
      await sleep(random.between(0, 4))
      await kill(server.child)
      const answered = await answer

      // Now and then it is killed before it is up.
      if (!isLast && random.between(1, 3) === 1) await killDuringStart(options, random.between(0, 500), kill)
      server = await startServer(options)
      await expectNoLeftovers(server, runs)
      const { run } = await start(server, racing)
      if (answered !== null) expect(run.id).toBe(answered.run.id)
      follow(racing, run)
    }
    await Promise.all(runs.flatMap(({ raw, eventSource }) => [raw.over, eventSource.stopped]))

    expect([...epochs]).toEqual([expect.any(String)])
    const all = await runsOf(server)
    expect(all.map(({ id }) => id).sort()).toEqual(runs.map(({ id }) => id).sort())
    for (const followed of runs) await expectWhole(server, followed, kills)
    const interrupted = all.filter(({ state }) => state === 'interrupted')
    const lastKill = kills.at(-1)?.before ?? 0
    const queued = all.filter((run) => run.createdAt < lastKill && (run.startedAt ?? 0) > lastKill)
    expect(interrupted.length).toBeGreaterThan(0)
    expect(queued.length).toBeGreaterThan(0)
    expect(runs.some(({ raw }) => raw.connections() > 1)).toBe(true)
    expect(processesWith(suite)).toEqual([])
  } finally {
    for (const { raw, eventSource } of runs) {
      raw.stop()
      eventSource.close()
    }
    await server.end()
  }
})

async function killDuringStart(
  options: Parameters<typeof startServer>[0],
  afterMs: number,
  kill: (child: ServerProcess['child']) => Promise<void>,
): Promise<void> {
  let killed = Promise.resolve()
  const starting = startServer({
    ...options,
    spawned: (child) => {
      killed = sleep(afterMs).then(() => kill(child))
    },
  })
  await starting.catch(() => null)
  await killed
}

async function epochOf(server: ServerProcess): Promise<unknown> {
  const { runs } = await server.json<{ runs: Run[] }>('/api/runs?limit=1')
  const response = await server.call(`/api/runs/${runs[0]?.id}/events`, { method: 'HEAD' })
  return response.headers.get('millrace-epoch')
}

async function runsOf(server: ServerProcess, state?: string): Promise<Run[]> {
  const found: Run[] = []
  let cursor: string | null = null
  do {
    const query: URLSearchParams = new URLSearchParams({
      limit: '200',
      ...(state && { state }),
      ...(cursor && { cursor }),
    })
    const page = await server.json<{ runs: Run[]; nextCursor: string | null }>(`/api/runs?${query}`)
    found.push(...page.runs)
    cursor = page.nextCursor
  } while (cursor !== null)
  return found
}

/** A run that is over has no processes left: reads the runs first, then the processes. */
async function expectNoLeftovers(server: ServerProcess, runs: FollowedRun[]): Promise<void> {
  const over = new Set(
    (await runsOf(server)).filter(({ finishedAt }) => finishedAt !== null).map(({ id }) => id),
  )
  for (const { id, mark } of runs) {
    if (over.has(id)) expect(processesWith(mark), `processes of ${id}`).toEqual([])
  }
}

/** Compares one run with what its clients saw of it. */
async function expectWhole(server: ServerProcess, followed: FollowedRun, kills: Kill[]): Promise<void> {
  const { run } = await server.json<{ run: Run }>(`/api/runs/${followed.id}`)
  const connection = await connect(`${server.url}/api/stream/${followed.id}`, {
    Authorization: `Bearer ${token}`,
  })
  await connection.over
  const log = connection.events
  expect(log.map(({ id }) => id)).toEqual(log.map((_, index) => String(index + 1)))

  expect(followed.raw.frames).toEqual(framesOf(connection.bytes()))
  expect(followed.eventSource.events).toEqual(log)

  const isTerminal = ({ type }: ReceivedEvent) => type === 'complete' || type === 'error'
  expect(log.filter(isTerminal)).toEqual(log.slice(-1))
  expect(run.attempt).toBe(1)
  expect(log.filter(({ type }) => type === 'run:started').length).toBeLessThanOrEqual(1)
  const lines = log.filter(({ type }) => type === 'output').map(({ data }) => JSON.parse(data).line)
  expect(lines).toEqual(lines.map((_, index) => `${index + 1} ünï 😀 ${followed.mark}`))

  // Interrupted exactly when it was killed: its life and a kill overlap.
  const [startedAt, finishedAt] = [run.startedAt ?? run.createdAt, run.finishedAt ?? 0]
  if (run.state === 'interrupted') {
    expect(log.at(-1)).toMatchObject({ type: 'error' })
    expect(JSON.parse(log.at(-1)?.data ?? '')).toMatchObject({ state: 'interrupted' })
    expect(kills.some(({ before, after }) => startedAt <= after && finishedAt >= before)).toBe(true)
  } else {
    expect(run.state).toBe('completed')
    expect(lines).toHaveLength(followed.lines)
    expect(kills.some(({ before, after }) => startedAt < before && finishedAt > after)).toBe(false)
  }
}
