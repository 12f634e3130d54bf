/** The files in deploy/, tried with a real server and a real nginx. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { runOf, startJob } from '@millrace/test-support/jobs'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { connect, type ReceivedEvent, type SseConnection } from '@millrace/test-support/sse'
import { until } from '@millrace/test-support/until'
import { afterEach, describe, expect, it } from 'vitest'
import { millraceToEnd } from './support/cli.ts'
import { type Nginx, shippedConfiguration, startNginx } from './support/nginx.ts'

const releases: (() => unknown)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

const root = new URL('../', import.meta.url)
const textOf = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')

interface Site {
  server: ServerProcess
  project: string
  /** Starts an nginx in front of it. */
  behind(directives: (port: number) => string): Promise<Nginx>
  upstream: string
  doctor(url: string): Promise<{ code: number | null; stdout: string }>
}

async function site(): Promise<Site> {
  const scratch = scratchFolder()
  releases.push(scratch.dispose)
  const [project, dataDir] = [join(scratch.path, 'web'), join(scratch.path, 'data')]
  for (const folder of [project, dataDir]) mkdirSync(folder)
  const config = {
    projects: { web: { path: project } },
    tools: {
      // Continues when released, so that no test here depends on speed.
      gated: { command: ['bash', '-c', 'echo up; until [ -e go ]; do sleep 0.05; done; echo done'] },
      counts: { command: ['bash', '-c', 'for i in {1..12}; do echo $i; sleep 0.1; done'] },
      pauses: { command: ['bash', '-c', 'for i in 1 2 3; do echo $i; sleep 2; done'] },
    },
    http: { trustProxy: true },
  }
  const server = await startServer({ cwd: project, dataDir, config })
  releases.push(() => server.end('SIGKILL'))
  let number = 0
  return {
    server,
    project,
    upstream: new URL(server.url).host,
    behind: async (directives) => {
      number += 1
      const nginx = await startNginx(join(scratch.path, `nginx-${number}`), directives)
      releases.push(nginx.end)
      return nginx
    },
    doctor: (url) =>
      millraceToEnd(['doctor', '--url', url, '--data', dataDir], {
        cwd: project,
        env: { MILLRACE_TOKEN: server.token },
      }),
  }
}

function follow({ server }: Site, base: string, id: string, lastEventId?: string): Promise<SseConnection> {
  return connect(`${base}/api/stream/${id}`, {
    Authorization: `Bearer ${server.token}`,
    ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
  })
}

const isLine = (line: string) => (event: ReceivedEvent) =>
  event.type === 'output' && JSON.parse(event.data).line === line
const lastId = (connection: SseConnection) => connection.events.at(-1)?.id

describe('behind the nginx configuration that is shipped', () => {
  it('behind nginx, millrace doctor finds that streams arrive at once', async () => {
    const place = await site()
    const nginx = await place.behind(shippedConfiguration(place.upstream))
    const { code, stdout } = await place.doctor(nginx.url)
    // Not "ok" alone: on a machine that is busy two frames may come together, and the doctor reports that too.
    expect(stdout).toMatch(/^stream +(?:ok {2}streams arrive at once|!! {2}uneven)/m)
    expect(stdout).toContain('Cache-Control survived')
    expect(stdout).toContain('X-Accel-Buffering was removed on the way (as nginx does)')
    expect(code).toBe(0)
    expect(nginx.errors()).not.toMatch(/\[(warn|error|crit|alert|emerg)\]/)
  })

  it('behind nginx, a follower sees each line when it is written, leaves, returns, and misses nothing', async () => {
    const place = await site()
    const nginx = await place.behind(shippedConfiguration(place.upstream))
    const id = await startJob(place.server, 'gated')
    const first = await follow(place, nginx.url, id)
    // The job cannot continue before this line has come through.
    await first.until(isLine('up'))
    const seen = lastId(first)
    first.close()
    const second = await follow(place, nginx.url, id, seen)
    writeFileSync(join(place.project, 'go'), '')
    expect(await second.over).toBe('end')
    expect(second.events.map(({ type }) => type)).toEqual(['output', 'complete'])
    expect(second.events.map(({ id: seq }) => Number(seq))).toEqual([Number(seen) + 1, Number(seen) + 2])
    // The answer that stops an EventSource for good comes through as it is.
    const third = await follow(place, nginx.url, id, lastId(second))
    expect(third.response.statusCode).toBe(204)
  })

  it('behind nginx, a client subscribes to as many topics as it may, and each message arrives at once', async () => {
    const place = await site()
    const nginx = await place.behind(shippedConfiguration(place.upstream))
    const stream = await connect(`${nginx.url}/api/realtime`, {})
    await stream.until(({ type }) => type === 'PB_CONNECT')
    const topics = Array.from({ length: 1000 }, (_, n) => `topic ${n}`.padEnd(2500, '.'))
    const followed = await fetch(`${nginx.url}/api/realtime`, {
      ...post({ clientId: stream.events[0]?.id, subscriptions: topics }),
      headers: { Authorization: place.server.token, 'Content-Type': 'application/json' },
    })
    expect(followed.status).toBe(204)
    // The next is published when the one before has come through.
    for (const topic of topics.slice(-3)) {
      await place.server.call('/api/realtime/publish', post({ topic, data: 1 }))
      await stream.until(({ type }) => type === topic)
    }
    stream.close()
  })

  it('behind nginx, a refusal keeps Millrace’s words, and a request has one id in both logs', async () => {
    const place = await site()
    const nginx = await place.behind(shippedConfiguration(place.upstream))
    const authorization = { Authorization: `Bearer ${place.server.token}` }
    const large = await fetch(`${nginx.url}/api/runs`, {
      ...post({ kind: 'job', project: 'web', tool: 'x'.repeat(1_100_000) }),
      headers: { ...authorization, 'Content-Type': 'application/json' },
    })
    expect(large.status).toBe(413)
    expect(await large.json()).toMatchObject({ code: 'payload_too_large' })
    const requestId = large.headers.get('x-request-id')
    expect(requestId).toMatch(/^[0-9a-f]{32}$/)
    await until(() => place.server.log().includes(`"requestId":"${requestId}"`))
  })

  it.runIf(process.env.MILLRACE_TEST_FULL)(
    'a stream that is silent for longer than any time-out is held open by heartbeats',
    async () => {
      const place = await site()
      const nginx = await place.behind(shippedConfiguration(place.upstream))
      const id = await startJob(place.server, 'gated')
      const stream = await follow(place, nginx.url, id)
      await stream.until(isLine('up'))
      const beats = () => stream.bytes().toString().split(': heartbeat').length - 1
      while (beats() < 5) await new Promise((resolve) => setTimeout(resolve, 500))
      writeFileSync(join(place.project, 'go'), '')
      expect(await stream.over).toBe('end')
      expect(stream.events.at(-1)?.type).toBe('complete')
    },
    240_000,
  )
})

describe('behind a proxy that is not configured for it', () => {
  it('behind a proxy that buffers, millrace doctor says so, and where to read more', async () => {
    const place = await site()
    const nginx = await place.behind(
      (port) => `server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://${place.upstream};
          proxy_ignore_headers X-Accel-Buffering;
        }
      }`,
    )
    const { code, stdout } = await place.doctor(nginx.url)
    expect(stdout).toMatch(/^stream +XX {2}buffered: \d+ frames arrived together after \d+ ms/m)
    expect(stdout).toContain('docs/deployment')
    expect(code).toBe(1)
  })

  it('behind a proxy that cuts a stream in every pause, a client that returns with its last id misses nothing', async () => {
    const place = await site()
    const impatient = (port: number) =>
      shippedConfiguration(place.upstream)(port).replace('proxy_read_timeout 120s', 'proxy_read_timeout 1s')
    const nginx = await place.behind(impatient)
    const id = await startJob(place.server, 'pauses')
    const ids: number[] = []
    let connections = 0
    for (;;) {
      const stream = await follow(place, nginx.url, id, ids.at(-1)?.toString())
      connections += 1
      if (stream.response.statusCode === 204) break
      await stream.over
      ids.push(...stream.events.map(({ id: seq }) => Number(seq)))
    }
    const { head } = await runOf(place.server, id)
    expect(ids).toEqual(Array.from({ length: head }, (_, index) => index + 1))
    expect(connections).toBeGreaterThan(2)
    expect(nginx.errors()).toContain('upstream timed out')
  })
})

describe('the metrics of a server', () => {
  const names = (text: string) => new Set(text.match(/\b(?:millrace|nodejs|process)_[a-z0-9_]+/g) ?? [])
  /** A histogram is asked for by its parts. */
  const family = (name: string) => name.replace(/_(bucket|sum|count)$/, '')

  it('a server has the metrics that the dashboard queries', async () => {
    const { server } = await site()
    const text = await (await server.call('/metrics')).text()
    const served = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]))
    const dashboard = JSON.parse(textOf('deploy/grafana-dashboard.json')) as {
      panels: { title: string; targets?: { expr: string }[] }[]
    }
    const asked = dashboard.panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr)
    expect(asked.length).toBeGreaterThan(25)
    for (const name of asked.flatMap((expr) => [...names(expr)])) {
      const type = served.get(name) ?? served.get(family(name))
      expect(type, name).toBeDefined()
      if (name !== family(name) && !served.has(name)) expect(type, name).toBe('histogram')
    }
  })
})

describe('what restarts a server', () => {
  it('PM2’s file grants the promised memory and time, and one instance', () => {
    const { apps } = createRequire(import.meta.url)('../deploy/ecosystem.config.cjs') as {
      apps: Record<string, unknown>[]
    }
    expect(apps).toHaveLength(1)
    expect(apps[0]).toMatchObject({
      max_memory_restart: '1536M',
      node_args: '--max-old-space-size=2048',
      kill_timeout: 15_000,
      instances: 1,
      exec_mode: 'fork',
      treekill: false,
      pmx: false,
      stop_exit_codes: [78],
      cwd: fileURLToPath(root).replace(/\/$/, ''),
    })
  })

  it('systemd’s unit signals the server alone, gives it time, and does not retry a start that cannot succeed', () => {
    const unit = textOf('deploy/millrace.service')
    const setting = (name: string) =>
      [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value)
    expect(setting('KillMode')).toEqual(['mixed'])
    expect(setting('TimeoutStopSec')).toEqual(['15'])
    expect(setting('RestartPreventExitStatus')).toEqual(['78'])
    expect(setting('NoNewPrivileges')).toEqual(['yes'])
    // Each of these takes bubblewrap's namespaces, or the /proc of a run, away.
    for (const name of [
      'RestrictNamespaces',
      'PrivateUsers',
      'ProtectKernelTunables',
      'ProtectKernelLogs',
      'ProcSubset',
      'SystemCallFilter',
      'MemoryDenyWriteExecute',
    ]) {
      expect(setting(name), name).toEqual([])
      expect(unit).toContain(`# ${name}=`)
    }
  })
})
