import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { completed, line, runningRun } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { defaultDataDir } from '#config/data-dir'
import { openSqliteStore } from '#store/sqlite/store'
import { open } from '#test/delivery/support/sse-client'
import { type Place, place, run, start } from './child.ts'

const scripts = {
  five: 'for i in 1 2 3 4 5; do echo line $i; done',
  // It ends by itself if the server leaves it behind.
  ticks: 'for i in $(seq 1 600); do echo tick $i; sleep 0.05; done',
}

function here(files: Parameters<typeof place>[0] = {}): Place {
  return place({ 'package.json': { scripts }, '.npmrc': 'loglevel=silent\n', ...files })
}

async function serve(where: Place) {
  const server = start(['serve', '--port', '0'], where)
  await server.says('"listening"')
  const { url, token } = JSON.parse(readFileSync(join(where.dataDir, 'server.json'), 'utf8'))
  const headers = { authorization: `Bearer ${token}` }
  const stop = async () => {
    server.process.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
  }
  return { server, url: String(url), headers, stop }
}

async function told(args: string[], where: Place, env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await run([...args, '--json'], where, env)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const runIds = async (where: Place) =>
  (await told(['runs'], where)).runs.map((record: { id: string }) => record.id)

/** A file system of 100 MiB. */
function mountSmallDisk(folder: string, context: TestContext): void {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'tmpfs', folder])
  if (mounted.status !== 0) context.skip('a small file system cannot be mounted here (needs root)')
  onTestFinished(() => {
    spawnSync('umount', [folder])
  })
}

it('commands that work on a data directory refuse one whose runs are in a database', async () => {
  const where = here()
  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, 'store-elsewhere'), 'postgres://db.example.org/millrace\n')
  for (const args of [['token', 'list'], ['prune'], ['backup', 'copy.db'], ['restore', 'copy.db']]) {
    const { code, stderr } = await run([...args, '--data', dataDir], where)
    expect({ args, code }).toEqual({ args, code: 1 })
    expect(stderr).toContain('postgres://db.example.org/millrace')
  }
})

const long = it.runIf(process.env.MILLRACE_TEST_FULL)

describe('millrace prune', () => {
  // Failed before: with a stack trace, and nothing deleted.
  it('prune deletes on a disk without a single free byte', async (context) => {
    const where = here()
    const dataDir = temporaryFolder()
    mountSmallDisk(dataDir, context)
    const store = await openSqliteStore({ dataDir })
    const id = await runningRun(store)
    for (let n = 0; n < 40; n += 1) await store.append(id, 1, [line('x'.repeat(1_000_000))])
    await store.finish(id, 1, completed(null, 1))
    await store.close()
    expect(() => {
      for (let n = 0; ; n += 1) writeFileSync(join(dataDir, `filler ${n}`), Buffer.alloc(4096))
    }).toThrow('ENOSPC')
    const { code, stdout, stderr } = await run(
      ['prune', '--days', '0', '--events', '1', '--data', dataDir],
      where,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^1 run and 43 events deleted; [23][0-9]/)
  })

  it('prune asks the running server, else prunes by itself', async () => {
    const where = here()
    const { stop } = await serve(where)
    await run(['run', 'npm:five'], where)
    await run(['run', 'npm:five'], where)
    const events = 2 * 8
    expect(await told(['prune', '--days', '0', '--dry-run'], where)).toEqual({ runs: 2, events })
    expect(await told(['prune'], where)).toEqual({ runs: 0, events: 0, bytes: 0 })
    expect(await told(['prune', '--events', '3'], where)).toEqual({ runs: 0, events: 10, bytes: 0 })
    const [last, first] = await runIds(where)
    const kept = await run(['follow', last, '--json'], where)
    expect(kept.stdout.trim().split('\n').at(-1)).toContain('"complete"')
    await stop()
    expect(await told(['prune', '--days', '0', '--dry-run'], where)).toEqual({ runs: 2, events: 6 })
    const person = await run(['prune', '--days', '0'], where)
    expect(person.stdout).toBe('2 runs and 6 events deleted; 0.0 MiB returned to the disk\n')
    const again = await serve(where)
    expect(await runIds(where)).toEqual([])
    const gone = await open(`${again.url}/api/runs/${first}/events`, { headers: again.headers })
    expect(gone.status).toBe(404)
    await again.stop()
  })

  long(
    'prune takes missing values from the configuration, and requires all of them for a directory elsewhere',
    async () => {
      const where = here()
      const { stop } = await serve(where)
      await run(['run', 'npm:five'], where)
      await stop()
      const data = ['--data', where.dataDir, '--dry-run']
      const refused = await run(['prune', ...data], where)
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--days') })
      const projects = { app: { path: '.' } }
      const config = { projects, retention: { days: 9, events: 2 } }
      const configured = here({ 'millrace.config.json': config })
      expect(await told(['prune', ...data], configured)).toEqual({ runs: 0, events: 6 })
      const wrong = here({ 'millrace.config.json': { projects, retention: { events: 0 } } })
      expect(await run(['prune', ...data], wrong)).toMatchObject({
        code: 78,
        stderr: expect.stringContaining('retention.events'),
      })
    },
  )

  long('prune uses this directory, even if only another server runs', async () => {
    const where = here()
    const { stop } = await serve(where)
    await run(['run', 'npm:five'], where)
    await stop()
    const { cwd } = here()
    const elsewhere = { cwd, env: where.env, dataDir: defaultDataDir(where.env, cwd) }
    const other = await serve(elsewhere)
    await run(['run', 'npm:five'], elsewhere)
    await run(['run', 'npm:five'], elsewhere)
    const dryRun = ['prune', '--days', '0', '--dry-run']
    expect(await told(dryRun, where)).toEqual({ runs: 1, events: 8 })
    expect(await told(dryRun, elsewhere)).toEqual({ runs: 2, events: 16 })
    expect(await told([...dryRun, '--data', where.dataDir], where, { MILLRACE_URL: other.url })).toEqual({
      runs: 1,
      events: 8,
    })
    expect(await told(dryRun, where, { MILLRACE_URL: other.url })).toEqual({ runs: 2, events: 16 })
    await other.stop()
  })

  it('prune says why it cannot do something', async () => {
    const where = here()
    const none = await run(['prune'], where)
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no database in') })
    expect(existsSync(where.dataDir)).toBe(false)
    for (const flags of [
      ['--days', '-1'],
      ['--days', 'x'],
      ['--events', '0'],
      ['--events', '1.5'],
    ]) {
      expect((await run(['prune', ...flags], where)).code).toBe(2)
    }
  })

  it('pruning over HTTP is for admins, in the documented shape', async () => {
    const where = here()
    const { url, headers, stop } = await serve(where)
    const token = (await run(['token', 'create', '--user', 'anna'], where)).stdout.trim()
    const prune = (body: string | null, given: Record<string, string>) =>
      fetch(`${url}/api/admin/prune`, {
        method: 'POST',
        body,
        headers: { ...given, ...(body !== null && { 'content-type': 'application/json' }) },
      })
    expect((await prune('{}', {})).status).toBe(401)
    expect((await prune('{}', { authorization: `Bearer ${token}` })).status).toBe(403)
    for (const body of ['{"days":-1}', '{"events":0}', '{"events":1.5}', '{"day":1}', '[]', null]) {
      expect((await prune(body, headers)).status).toBe(400)
    }
    const answer = await prune('{"days":1,"events":5,"dryRun":false}', headers)
    expect([answer.status, await answer.json()]).toEqual([200, { runs: 0, events: 0, bytes: 0 }])
    await stop()
  })
})

describe('millrace backup and restore', () => {
  it('a restore brings a server back to the backup, and resets followers of the lost history', async () => {
    const where = here()
    const { url, headers, server, stop } = await serve(where)
    const browser = await fetch((await run(['login'], where)).stdout.trim(), { redirect: 'manual' })
    const cookie = (browser.headers.get('set-cookie') ?? '').split(';')[0]?.split('=')[1] ?? ''
    const started = await fetch(`${url}/api/runs`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'job', project: 'app', tool: 'npm:ticks' }),
    })
    const { id } = ((await started.json()) as { run: { id: string } }).run
    const path = `/api/runs/${id}/events`
    const follower = await open(`${url}${path}`, { headers })
    await follower.until(({ ids }) => ids.length >= 8)

    const copy = await told(['backup', 'copy.db'], where)
    expect(copy).toMatchObject({ file: join(where.cwd, 'copy.db'), dataDir: where.dataDir, runs: 1 })
    const second = await run(['backup', 'copy.db'], where)
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('exists') })

    const seen = follower.ids.length
    await follower.until(({ ids }) => ids.length >= seen + 10)
    const busy = await run(['restore', 'copy.db'], where)
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining(`pid ${server.process.pid}`) })
    await stop()
    await follower.end()
    expect(follower.ids).toEqual(follower.ids.map((_, index) => index + 1))
    const oldEpoch = String(follower.headers['millrace-epoch'])
    const lost = follower.ids.length

    const restored = await told(['restore', 'copy.db'], where)
    expect(restored).toMatchObject({
      runs: 1,
      aside: expect.stringContaining('millrace.db.before-restore-'),
    })
    const next = await serve(where)
    const from = (after: number, epoch?: string) =>
      open(`${next.url}${path}?after=${after}${epoch === undefined ? '' : `&epoch=${epoch}`}`, {
        headers: next.headers,
      })
    // Runs that were active at the moment of the backup are closed as after a crash.
    const whole = await (await from(0)).end()
    const head = whole.ids.length
    expect(head).toBeLessThan(lost)
    expect(whole.frames.at(-1)).toMatchObject({
      event: 'error',
      data: expect.stringContaining('interrupted'),
    })
    expect(whole.headers['millrace-epoch']).toBe(restored.epoch)
    expect(restored.epoch).not.toBe(oldEpoch)

    const resets = async (after: number, epoch?: string) => {
      const client = await (await from(after, epoch)).end()
      expect(client.ids).toEqual(whole.ids.slice(client.frames[0]?.event === 'reset' ? 0 : after))
      return client.frames.filter(({ event }) => event === 'reset').map(({ data }) => JSON.parse(data))
    }
    const bounds = { firstSeq: 1, head }
    expect(await resets(lost, oldEpoch)).toEqual([{ reason: 'epoch', ...bounds }])
    expect(await resets(3, oldEpoch)).toEqual([{ reason: 'epoch', ...bounds }])
    expect(await resets(lost)).toEqual([{ reason: 'ahead', ...bounds }])
    expect(await resets(3)).toEqual([])
    expect(await resets(3, restored.epoch)).toEqual([])

    // A browser that was logged in then still is. (The name of the cookie contains the port.)
    const name = `millrace_${new URL(next.url).port}`
    const again = await fetch(`${next.url}/api/runs/${id}`, { headers: { cookie: `${name}=${cookie}` } })
    expect(again.status).toBe(200)
    await next.stop()
    expect(readdirSync(where.cwd)).toContain('copy.db')
  })

  it('backup and restore say why they cannot do something', async () => {
    const where = here()
    const none = await run(['backup', 'copy.db'], where)
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no database in') })
    const unnamed = await run(['restore', 'copy.db'], where)
    expect(unnamed).toMatchObject({ code: 1, stderr: expect.stringContaining('name one with --data') })
    const missing = await run(['restore', 'copy.db', '--data', where.dataDir], where)
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no file') })
    expect(readdirSync(where.cwd)).toEqual(['.npmrc', 'package.json'])
  })
})
