import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { followJob, followToEnd, gather, runOf, startJob, untilLine } from '@millrace/test-support/jobs'
import { processesWith } from '@millrace/test-support/processes'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { afterEach, describe, expect, it } from 'vitest'
import { millraceToEnd } from './support/cli.ts'

const releases: (() => unknown)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

function workplace() {
  const scratch = scratchFolder()
  releases.push(scratch.dispose)
  const [cwd, dataDir] = [join(scratch.path, 'web'), join(scratch.path, 'data')]
  mkdirSync(cwd)
  mkdirSync(dataDir)
  const mark = `mark-${randomUUID()}`
  const config = {
    projects: { web: { path: cwd } },
    tools: {
      counts: { command: ['bash', '-c', 'for i in {1..20}; do echo $i; sleep 0.1; done'] },
      waits: { command: ['bash', '-c', `echo up; sleep 600 # ${mark}`] },
    },
  }
  return { scratch: scratch.path, cwd, dataDir, mark, config }
}

async function serverIn(place: ReturnType<typeof workplace>): Promise<ServerProcess> {
  const server = await startServer(place)
  releases.push(() => server.end('SIGKILL'))
  return server
}

describe('one data directory', () => {
  it('a data directory has one server: a second is refused with the first one’s pid, and harms nothing', async () => {
    const place = workplace()
    const first = await serverIn(place)
    const id = await startJob(first, 'counts')
    const follower = gather(await followJob(first, id))
    await untilLine(first, id, '2')

    const second = await millraceToEnd(['serve', '--port', '0', '--data', place.dataDir], place)
    expect(second.code).not.toBe(0)
    expect(second.stdout).toBe('')
    expect(second.stderr).toMatch(/^millrace: another server \(pid \d+\) uses the data directory .*\n$/m)
    expect(second.stderr).not.toContain('"stack"')
    expect(second.stderr).toContain(String(first.pid))

    const { over, events, lines } = await follower
    expect(over).toBe('end')
    expect(lines).toEqual(Array.from({ length: 20 }, (_, n) => String(n + 1)))
    expect(events.at(-1)).toMatchObject({ type: 'complete', data: { success: true } })
    expect(existsSync(join(place.dataDir, 'server.json'))).toBe(true)
    const next = await startJob(first, 'counts')
    expect((await followToEnd(first, next)).over).toBe('end')
    expect(await first.end()).toBe(0)
  })

  it('a data directory accepts a new server at once when the first was killed, and that one closes what was left', async () => {
    const place = workplace()
    const first = await serverIn(place)
    const id = await startJob(first, 'waits')
    await untilLine(first, id, 'up')
    const before = await followJob(first, id)
    await before.until(({ type }) => type === 'output')
    const seen = before.events.map(({ id: seq, type }) => ({ id: seq, type }))
    await first.end('SIGKILL')

    const second = await serverIn(place)
    expect(second.pid).not.toBe(first.pid)
    await until(() => processesWith(place.mark).length === 0)
    expect(await runOf(second, id)).toMatchObject({ state: 'interrupted' })
    const { events } = await followToEnd(second, id)
    expect(events.slice(0, seen.length).map(({ id: seq, type }) => ({ id: seq, type }))).toEqual(seen)
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
    const stale = await fetch(`${second.url}/api/runs`, {
      headers: { Authorization: `Bearer ${first.token}` },
    })
    expect(stale.status).toBe(401)
  })
})

describe('a server that cannot start', () => {
  it('a server with an invalid configuration lists everything that is wrong, and opens nothing', async () => {
    const place = workplace()
    const file = join(place.scratch, 'millrace.config.json')
    const wrong = {
      projects: { web: { path: './does-not-exist' } },
      tools: { bad: { command: [] }, odd: { command: ['true'], timeoutSecond: 5 } },
      concurrency: { job: 0 },
      http: { hosts: ['https://example.org'], cors: { origins: ['*'] } },
      limitz: {},
    }
    writeFileSync(file, JSON.stringify(wrong))
    const dataDir = join(place.scratch, 'fresh')
    const args = ['serve', '--config', file, '--data', dataDir, '--port', 'many']
    const { code, stdout, stderr } = await millraceToEnd(args, place)
    expect(code).toBe(78)
    expect(stdout).toBe('')
    for (const path of [
      'projects.web.path',
      'tools.bad.command',
      'tools.odd.timeoutSecond',
      'concurrency.job',
      'http.hosts',
      'http.cors.origins',
      'limitz',
      '--port',
    ]) {
      expect(stderr).toContain(path)
    }
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(existsSync(dataDir)).toBe(false)
  })

  it('a server says in one line that its port is taken', async () => {
    const place = workplace()
    const other = createServer().listen(0, '127.0.0.1')
    releases.push(() => other.close())
    await new Promise((listening) => other.once('listening', listening))
    const { port } = other.address() as { port: number }
    const args = ['serve', '--port', String(port), '--data', place.dataDir]
    const quiet = { cwd: place.cwd, env: { LOG_LEVEL: 'error' } }
    const { code, stdout, stderr } = await millraceToEnd(args, quiet)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(new RegExp(`^millrace: 127\\.0\\.0\\.1:${port} is in use.*\\n$`))
    expect(existsSync(join(place.dataDir, 'server.json'))).toBe(false)
  })
})
