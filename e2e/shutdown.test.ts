import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { followJob, followToEnd, gather, runOf, startJob, untilLine } from '@millrace/test-support/jobs'
import { isAlive, processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { connect } from '@millrace/test-support/sse'
import { until } from '@millrace/test-support/until'
import { afterEach, describe, expect, it } from 'vitest'

const releases: (() => unknown)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

/** A project, a data directory, and tools whose processes can be found by `mark`. */
function workplace() {
  const scratch = scratchFolder()
  releases.push(scratch.dispose)
  const project = join(scratch.path, 'web')
  const dataDir = join(scratch.path, 'data')
  mkdirSync(project)
  mkdirSync(dataDir)
  const mark = `mark-${randomUUID()}`
  const bash = (script: string) => ({ command: ['bash', '-c', `${script} # ${mark}`], timeoutSeconds: 120 })
  const config = {
    projects: { web: { path: project } },
    tools: {
      waits: bash('echo up; while :; do sleep 0.1; done'),
      // SIGTERM is not enough for it.
      stubborn: bash("trap '' TERM; echo up; while :; do sleep 0.1; done"),
      // More than the buffers between it and a follower that does not read.
      floods: bash('echo up; head -c 20000000 /dev/zero | tr "\\0" x | fold -w 20000; sleep 600'),
      short: bash('echo done'),
    },
    concurrency: { job: 10 },
    limits: { startsPerMinute: 10_000 },
  }
  return { config, cwd: project, dataDir, mark }
}

async function serverIn(place: ReturnType<typeof workplace>): Promise<ServerProcess> {
  const server = await startServer(place)
  releases.push(() => server.end('SIGKILL'))
  return server
}

/** A follower that reads nothing: the server waits for it as long as it waits for any. */
async function stalledFollower(server: ServerProcess, id: string): Promise<void> {
  const { hostname, port, host } = new URL(server.url)
  const socket = connectSocket(Number(port), hostname)
  releases.push(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  const authorization = `Authorization: Bearer ${server.token}`
  socket.write(`GET /api/stream/${id} HTTP/1.1\r\nHost: ${host}\r\n${authorization}\r\n\r\n`)
  await until(async () =>
    /^millrace_followers_stalled 1$/m.test(await (await server.call('/metrics')).text()),
  )
}

const readyStatus = (server: ServerProcess) =>
  fetch(`${server.url}/readyz`).then(
    ({ status }) => status,
    () => 0,
  )

async function draining(server: ServerProcess): Promise<void> {
  await until(async () => (await readyStatus(server)) === 503)
}

describe('a server that is asked to stop', () => {
  it('a stopping server interrupts ten running jobs, notifies every follower, refuses new work, and leaves the queue to the next', async () => {
    const place = workplace()
    const server = await serverIn(place)
    expect(await readyStatus(server)).toBe(200)
    const flooding = await startJob(server, 'floods')
    const others = ['stubborn', ...Array<string>(8).fill('waits')]
    const running = [flooding, ...(await Promise.all(others.map((tool) => startJob(server, tool))))]
    await Promise.all(running.map((id) => untilLine(server, id, 'up')))
    const queued = [await startJob(server, 'short'), await startJob(server, 'short')]
    const followers = await Promise.all([...running, ...queued].map((id) => followJob(server, id)))
    await stalledFollower(server, flooding)

    server.child.kill('SIGTERM')
    await draining(server)

    const native = await server.call('/api/runs', post({ kind: 'job', project: 'web', tool: 'short' }))
    expect(native.status).toBe(503)
    expect(native.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(await native.json()).toMatchObject({ status: 503, code: 'draining', retry: true })
    const job = await server.call('/api/execute', post({ toolId: 'short', projectId: 'web' }))
    expect(job.status).toBe(503)
    expect(await job.json()).toEqual({ error: { message: expect.stringContaining('shutting down') } })
    for (const path of [`/api/stream/${flooding}`, `/api/runs/${flooding}/events`]) {
      await expect(server.call(path)).rejects.toThrow('fetch failed')
    }
    expect(await readyStatus(server)).toBe(503)

    const seen = await Promise.all(followers.map(gather))
    for (const { over, events } of seen.slice(0, running.length)) {
      expect(over).toBe('end')
      expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
    }
    for (const { over, events } of seen.slice(running.length)) {
      expect(over).toBe('end')
      expect(events.map(({ type }) => type)).toEqual(['run:queued'])
    }
    // Not zero when it took longer than ten seconds.
    expect(await server.exited).toBe(0)
    expect(processesWith(place.mark)).toEqual([])

    const next = await serverIn(place)
    const { runs } = await next.json<{ runs: Run[] }>('/api/runs?state=interrupted')
    expect(runs.map(({ id }) => id).sort()).toEqual([...running].sort())
    for (const id of queued) {
      expect((await followToEnd(next, id)).lines).toEqual(['done'])
      expect(await runOf(next, id)).toMatchObject({ state: 'completed', attempt: 1 })
    }
  })

  it('a second signal more than a second after the first ends the server at once', async () => {
    const place = workplace()
    const server = await serverIn(place)
    const [flooding, waiting] = [await startJob(server, 'floods'), await startJob(server, 'waits')]
    await Promise.all([flooding, waiting].map((id) => untilLine(server, id, 'up')))
    await stalledFollower(server, flooding)

    server.child.kill('SIGTERM')
    await draining(server)
    await sleep(1200)
    expect(await server.end('SIGTERM')).toBe(143)
    // The kernel ends what the sandbox holds, when the server is gone.
    await until(() => processesWith(place.mark).length === 0)

    const next = await serverIn(place)
    for (const id of [flooding, waiting]) {
      expect(await runOf(next, id)).toMatchObject({ state: 'interrupted' })
    }
  })

  it('a signal repeated within a second counts once', async () => {
    const place = workplace()
    const server = await serverIn(place)
    const id = await startJob(server, 'stubborn')
    await untilLine(server, id, 'up')
    const follower = await followJob(server, id)
    server.child.kill('SIGINT')
    server.child.kill('SIGTERM')
    const { over, events } = await gather(follower)
    expect(over).toBe('end')
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
    expect(await server.exited).toBe(0)
    expect(processesWith(place.mark)).toEqual([])
  })
})

describe('`npm start`', () => {
  const root = new URL('..', import.meta.url)

  /** In a process group of its own, as a shell starts it, with one job running. */
  async function npmStart() {
    const place = workplace()
    const config = join(place.dataDir, '..', 'config.json')
    writeFileSync(config, JSON.stringify(place.config))
    const env = { MILLRACE_PORT: '0', MILLRACE_DATA: place.dataDir, MILLRACE_CONFIG: config }
    const npm = spawn('npm', ['start'], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...env },
    })
    const group = npm.pid ?? 0
    releases.push(() => {
      if (isGroupAlive(group)) process.kill(-group, 'SIGKILL')
    })
    const exited = once(npm, 'exit')
    let line = ''
    for await (line of createInterface(npm.stdout)) if (line.startsWith('{')) break
    const { url, pid } = JSON.parse(line)
    const { token } = JSON.parse(readFileSync(join(place.dataDir, 'server.json'), 'utf8'))
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    const body = JSON.stringify({ toolId: 'stubborn', projectId: 'web' })
    const started = await fetch(`${url}/api/execute`, { method: 'POST', headers, body })
    const { data } = (await started.json()) as { data: { jobId: string } }
    const follower = await connect(`${url}/api/stream/${data.jobId}`, headers)
    await follower.until(({ type }) => type === 'output')
    return { place, group, pid: Number(pid), exited, follower, npm }
  }

  function isGroupAlive(group: number): boolean {
    return isAlive(-group)
  }

  it('`npm start` stops in order at Ctrl-C, which the whole process group receives', async () => {
    const { place, group, pid, exited, follower } = await npmStart()
    process.kill(-group, 'SIGINT')
    const { over, events } = await gather(follower)
    expect(over).toBe('end')
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
    await exited
    await until(() => !isGroupAlive(group))
    expect(isAlive(pid)).toBe(false)
    expect(processesWith(place.mark)).toEqual([])
  })

  it('`npm start` passes a SIGTERM sent to npm alone to the server, and leaves no process', async () => {
    const { place, group, pid, exited, follower, npm } = await npmStart()
    npm.kill('SIGTERM')
    const { over, events } = await gather(follower)
    expect(over).toBe('end')
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
    await exited
    await until(() => !isGroupAlive(group))
    expect(isAlive(pid)).toBe(false)
    expect(processesWith(place.mark)).toEqual([])
  })
})
