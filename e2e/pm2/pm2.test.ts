/**
 * deploy/ecosystem.config.cjs, held against a real PM2 with a home of its own. Only `npm run test:full` installs PM2 and
 * runs this; what the file says is tested in `e2e/deployment.test.ts` too, and what a stop does in `e2e/shutdown.test.ts`.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { isAlive, processesWith } from '@millrace/test-support/processes'
import { post } from '@millrace/test-support/server'
import { connect } from '@millrace/test-support/sse'
import { until } from '@millrace/test-support/until'
import { afterEach, describe, expect, it } from 'vitest'

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const shipped = pathOf('deploy/ecosystem.config.cjs')
const program = join(import.meta.dirname, 'node_modules/pm2/bin/pm2')

const releases: (() => unknown)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

/** What `pm2 jlist` says of an app, as far as it is looked at here. */
interface App {
  pid: number
  pm2_env: {
    status: string
    exit_code?: number
    restart_time: number
    exec_mode: string
    node_args: string[]
    kill_timeout: number
    max_memory_restart: number
  }
}

interface Card {
  url: string
  token: string
  pid: number
}

async function workplace(config: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const scratch = scratchFolder()
  releases.push(scratch.dispose)
  const [project, dataDir, home] = ['web', 'data', 'pm2'].map((name) => join(scratch.path, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [project, dataDir, home]) mkdirSync(folder)
  // PM2 takes a home without it for a new installation, and asks its maker for news.
  writeFileSync(join(home, 'touch'), '')
  const mark = `mark-${randomUUID()}`
  const bash = (script: string) => ({ command: ['bash', '-c', `${script} # ${mark}`] })
  const file = join(scratch.path, 'config.json')
  const tools = {
    waits: bash('echo up; while :; do sleep 0.1; done'),
    floods: bash('echo up; head -c 20000000 /dev/zero | tr "\\0" x | fold -w 20000; sleep 600'),
    // Lives long enough to say so, should anybody but the server end it.
    tells: bash('trap "echo PM2 was here" INT; trap "" TERM; echo up; while :; do sleep 0.1; done'),
    short: bash('echo done'),
  }
  writeFileSync(file, JSON.stringify({ projects: { web: { path: project } }, tools, ...config }))
  /** Every server seen. */
  const servers = new Set<number>()
  const pm2 = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, '--silent', ...args], {
      maxBuffer: 2 ** 26,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        PM2_HOME: home,
        PM2_DISABLE_VERSION_CHECK: '1',
        MILLRACE_PORT: '0',
        MILLRACE_DATA: dataDir,
        MILLRACE_CONFIG: file,
        ...env,
      },
    })
    return stdout
  }
  releases.push(async () => {
    const daemon = Number(readFileSync(join(home, 'pm2.pid'), 'utf8'))
    await pm2('kill')
    await until(() => ![daemon, ...servers].some(isAlive))
    expect([scratch.path, mark].flatMap(processesWith)).toEqual([])
  })
  const app = async (): Promise<App> => {
    const apps = JSON.parse(await pm2('jlist')) as App[]
    expect(apps).toHaveLength(1)
    return apps[0] as App
  }
  return { scratch: scratch.path, servers, dataDir, home, mark, pm2, app }
}

type Place = Awaited<ReturnType<typeof workplace>>

/** The server that PM2 runs, once it listens; `not` is the pid of one before it. */
async function serving({ dataDir, servers }: Place, not?: number) {
  let card: Card | undefined
  await until(() => {
    try {
      card = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as Card
    } catch {
      // Not yet, or no more.
    }
    return card !== undefined && card.pid !== not
  })
  const { url, token, pid } = card as Card
  servers.add(pid)
  const headers = { Authorization: `Bearer ${token}` }
  const call = async (path: string, { headers: more, ...init }: RequestInit = {}) =>
    (
      await fetch(url + path, { ...init, headers: { ...headers, ...(more as object) } })
    ).json() as Promise<unknown>
  const start = async (tool: string) =>
    ((await call('/api/runs', post({ kind: 'job', project: 'web', tool }))) as { run: Run }).run.id
  const follow = (id: string) => connect(`${url}/api/runs/${id}/events`, headers)
  const up = async (id: string) => {
    const follower = await follow(id)
    await follower.until(({ type }) => type === 'output')
    return follower
  }
  const stateOf = async (id: string) => ((await call(`/api/runs/${id}`)) as { run: Run }).run.state
  return { url, token, pid, start, follow, up, stateOf }
}

/** PM2's own account of what it did. */
const daemonLog = ({ home }: Place) => readFileSync(join(home, 'pm2.log'), 'utf8')

describe.runIf(process.env.MILLRACE_TEST_FULL)('Millrace under PM2', () => {
  it('under PM2, the server is one process of the carried Node, with the limits that PM2 reports', async () => {
    const place = await workplace()
    await place.pm2('start', shipped)
    const { pid } = await serving(place)
    const app = await place.app()
    expect(app).toMatchObject({
      pid,
      pm2_env: {
        status: 'online',
        exec_mode: 'fork_mode',
        restart_time: 0,
        node_args: ['--max-old-space-size=2048'],
        kill_timeout: 15_000,
        max_memory_restart: 1536 * 1024 ** 2,
      },
    })
    expect(readlinkSync(`/proc/${pid}/exe`)).toBe(realpathSync(pathOf('node_modules/.bin/node')))
  })

  it('a stop by PM2 notifies followers, interrupts the run, exits 0 in time; the next start has every run', async () => {
    const place = await workplace()
    await place.pm2('start', shipped)
    const server = await serving(place)
    const done = await server.start('short')
    await (await server.follow(done)).over
    const running = await server.start('tells')
    const follower = await server.up(running)

    await place.pm2('stop', 'millrace')
    expect(await follower.over).toBe('end')
    const last = follower.events.at(-1)
    expect(last?.type).toBe('error')
    expect(JSON.parse(last?.data ?? '{}')).toMatchObject({ state: 'interrupted' })
    const lines = follower.events
      .filter(({ type }) => type === 'output')
      .map(({ data }) => JSON.parse(data).line)
    expect(lines).toEqual(['up'])
    expect(await place.app()).toMatchObject({ pid: 0, pm2_env: { status: 'stopped', exit_code: 0 } })
    expect(daemonLog(place)).not.toContain('SIGKILL')
    expect(processesWith(place.mark)).toEqual([])

    await place.pm2('restart', 'millrace')
    const next = await serving(place, server.pid)
    expect(await next.stateOf(done)).toBe('completed')
    expect(await next.stateOf(running)).toBe('interrupted')

    const again = await next.start('waits')
    const witness = await next.up(again)
    await place.pm2('restart', 'millrace')
    expect(await witness.over).toBe('end')
    expect(JSON.parse(witness.events.at(-1)?.data ?? '{}')).toMatchObject({ state: 'interrupted' })
    expect(await (await serving(place, next.pid)).stateOf(again)).toBe('interrupted')
  })

  it('a second stop by PM2 more than a second after the first ends the server at once', async () => {
    const place = await workplace()
    await place.pm2('start', shipped)
    const server = await serving(place)
    const flooding = await server.start('floods')
    ;(await server.up(flooding)).close()
    // A follower that takes nothing: the server waits for it as long as it waits for anybody.
    const { hostname, port, host } = new URL(server.url)
    const socket = connectSocket(Number(port), hostname)
    releases.push(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(
      `GET /api/runs/${flooding}/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${server.token}\r\n\r\n`,
    )
    const metrics = () =>
      fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${server.token}` } })
    await until(async () => /^millrace_followers_stalled 1$/m.test(await (await metrics()).text()))

    const first = place.pm2('stop', 'millrace')
    await until(() => daemonLog(place).includes('Stopping app:millrace'))
    await sleep(1200)
    await place.pm2('stop', 'millrace')
    await first
    expect(await place.app()).toMatchObject({ pid: 0, pm2_env: { status: 'stopped', exit_code: 130 } })
    expect(daemonLog(place)).not.toContain('SIGKILL')
    await until(() => processesWith(place.mark).length === 0)
    await place.pm2('restart', 'millrace')
    expect(await (await serving(place, server.pid)).stateOf(flooding)).toBe('interrupted')
  })

  it('under PM2, too much memory causes an orderly stop and a new start', async () => {
    const place = await workplace({}, { PM2_WORKER_INTERVAL: '1000' })
    const file = join(place.scratch, 'ecosystem.config.cjs')
    const { apps } = createRequire(import.meta.url)(shipped) as { apps: object[] }
    writeFileSync(
      file,
      `module.exports = ${JSON.stringify({ apps: [{ ...apps[0], max_memory_restart: '1M' }] })}`,
    )
    await place.pm2('start', file)
    await until(() => daemonLog(place).includes('exceeds --max-memory-restart value'))
    await until(async () => (await place.app()).pm2_env.restart_time > 0)
    expect(daemonLog(place)).toMatch(/App \[millrace:0\] exited with code \[0\]/)
    expect(daemonLog(place)).not.toContain('SIGKILL')
  })

  it('PM2 does not retry an invalid configuration', async () => {
    const place = await workplace({ projects: 'none' })
    await place.pm2('start', shipped)
    await until(async () => (await place.app()).pm2_env.status === 'stopped')
    expect(await place.app()).toMatchObject({ pm2_env: { exit_code: 78, restart_time: 0 } })
  })
})
