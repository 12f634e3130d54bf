import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { isAlive } from '@millrace/test-support/processes'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliProcess, millrace, millraceToEnd } from './support/cli.ts'

const sample = fileURLToPath(new URL('../examples/sample-project', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = scratchFolder()
const project = join(scratch.path, 'sample-project')
const surroundings = { cwd: project, env: { XDG_STATE_HOME: join(scratch.path, 'state') } }
const cli = (...args: string[]) => millraceToEnd(args, surroundings)

const started: CliProcess[] = []

interface Listening {
  process: CliProcess
  url: string
}

/** `millrace serve` in the project, with nothing configured at all. */
async function serve(): Promise<Listening> {
  const server = millrace(['serve', '--port', '0'], surroundings)
  started.push(server)
  await server.says('{"event":"listening"')
  const [line = ''] = server.stdout().split('\n')
  const { event, url, pid } = JSON.parse(line) as { event: string; url: string; pid: number }
  expect({ event, pid }).toEqual({ event: 'listening', pid: server.pid })
  return { process: server, url }
}

let server: Listening
beforeAll(async () => {
  cpSync(sample, project, { recursive: true })
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  // Continues once the test has seen its output.
  const gate =
    "node -e \"console.log('first'); setInterval(() => require('fs').existsSync('go') && process.exit(7), 20)\""
  Object.assign(manifest.scripts, { gate, waits: 'echo up; sleep 600', quick: 'echo quick' })
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
  // Not a line but those of the scripts.
  writeFileSync(join(project, '.npmrc'), 'loglevel=silent\n')
  server = await serve()
})
afterAll(async () => {
  for (const process of started) process.kill('SIGTERM')
  await Promise.all(started.map((process) => process.exited))
  scratch.dispose()
})

/** Starts a run in the background; its id is known when it has said `text`. */
async function running(tool: string, text: string): Promise<{ process: CliProcess; id: string }> {
  const process = millrace(['run', tool], surroundings)
  await process.says(text)
  const id = /run ([0-9a-f-]{36})/.exec(process.stderr())?.[1]
  if (id === undefined) throw new Error(`no id in ${process.stderr()}`)
  return { process, id }
}

describe('`millrace serve` in a project', () => {
  it('`millrace serve` needs no configuration: npm scripts and Makefile targets are the tools', async () => {
    const { code, stderr } = await cli('run', 'npm:tset')
    expect(code).toBe(125)
    expect(stderr).toContain('did you mean npm:test')
    const { stdout } = await cli('runs', '--json')
    expect(JSON.parse(stdout)).toEqual({ runs: [], nextCursor: null })
  })

  it('`millrace serve` logs only its own lines, and no library’s warning', () => {
    const lines = server.process.stderr().trim().split('\n')
    for (const line of lines) expect(line).toMatch(/^(\{"level":|Log in )/)
    expect(server.process.stderr()).not.toMatch(/Deprecat|Server listening/)
  })

  it('`millrace serve` keeps its data outside the project, readable by its user only', () => {
    expect(existsSync(join(scratch.path, 'state/millrace'))).toBe(true)
    const { dataDir } = JSON.parse(
      server.process
        .stderr()
        .split('\n')
        .find((line) => line.includes('"dataDir"')) ?? '{}',
    ) as { dataDir: string }
    expect(dataDir.startsWith(join(scratch.path, 'state/millrace/sample-project-'))).toBe(true)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'server.json')).mode & 0o777).toBe(0o600)
  })
})

describe('`millrace run`', () => {
  it('`millrace run` shows lines as they arrive, and exits with the code of the program', async () => {
    const { process } = await running('npm:gate', 'first')
    writeFileSync(join(project, 'go'), '')
    expect(await process.exited).toBe(7)
    expect(process.stdout()).toBe('first\n')
    expect(process.stderr()).toContain('exit code 7')
  })

  it('`millrace run` runs the project’s tests, one of which fails', async () => {
    const { code, stdout } = await cli('run', 'npm:test')
    expect(code).toBe(1)
    expect(stdout).toContain('of exactly one hour is written as one hour')
    expect((await cli('run', 'make:report')).code).toBe(0)
  })

  it('`millrace run --json` prints every event as one line of JSON', async () => {
    const { code, stdout, stderr } = await cli('run', 'npm:quick', '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [first, ...events] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(first).toMatchObject({ run: { kind: 'job', project: 'sample-project' } })
    expect(events.map(({ type }) => type)).toEqual(['run:queued', 'run:started', 'output', 'complete'])
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(events[2].data).toMatchObject({ line: 'quick', stream: 'stdout' })
  })

  it('`millrace run` aborts the run at Ctrl-C', async () => {
    const { process, id } = await running('npm:waits', 'up')
    process.kill('SIGINT')
    expect(await process.exited).toBe(130)
    const { stdout } = await cli('runs', '--state', 'aborted', '--json')
    expect((JSON.parse(stdout) as { runs: Run[] }).runs.map((run) => run.id)).toContain(id)
  })
})

describe('`millrace follow`', () => {
  it('`millrace follow` shows a run from its beginning, even when it is over, with the same exit code', async () => {
    const [first = ''] = (await cli('run', 'npm:quick', '--json')).stdout.split('\n')
    const { run } = JSON.parse(first) as { run: Run }
    const { code, stdout } = await cli('follow', run.id)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'quick\n' })
  })

  it('`millrace follow` reports a run that does not exist', async () => {
    const id = randomUUID()
    const plain = await cli('follow', id)
    expect(plain).toMatchObject({ code: 125, stdout: '' })
    expect(plain.stderr).toBe(`millrace: No run ${id}\n`)
    const json = await cli('follow', id, '--json')
    expect(JSON.parse(json.stderr)).toEqual({ error: { message: `No run ${id}` } })
  })

  it('`millrace follow` exits at Ctrl-C and leaves the run running', async () => {
    const { process, id } = await running('npm:waits', 'up')
    const follower = millrace(['follow', id], surroundings)
    await follower.says('up')
    follower.kill('SIGINT')
    expect(await follower.exited).toBe(130)
    expect(follower.stderr()).toContain(`millrace follow ${id}`)
    expect((await cli('abort', id)).stdout).toBe(`${id} aborted\n`)
    expect(await process.exited).toBe(130)
  })

  it('`millrace follow` survives kill -9 and a restart of the server: nothing twice, nothing missed', async () => {
    const busy = await Promise.all([1, 2, 3, 4].map(() => running('npm:waits', 'up')))
    const waiting = await running('npm:quick', 'queued')
    const followers = [busy[0]?.id ?? '', waiting.id].map((id) => millrace(['follow', id], surroundings))
    await Promise.all([followers[0]?.says('up'), followers[1]?.says('queued')])

    server.process.kill('SIGKILL')
    await server.process.exited
    await Promise.all(followers.map((follower) => follower.says('connection lost')))
    server = await serve()

    const [interrupted, queued] = followers
    expect(await interrupted?.exited).toBe(75)
    expect(interrupted?.stdout()).toBe('up\n')
    expect(interrupted?.stderr()).toContain('The server stopped without warning')
    expect(await queued?.exited).toBe(0)
    expect(queued?.stdout()).toBe('quick\n')
    // `run` follows in the same way.
    expect(await Promise.all(busy.map(({ process }) => process.exited))).toEqual([75, 75, 75, 75])
    expect(await waiting.process.exited).toBe(0)
    expect(waiting.process.stdout()).toBe('quick\n')
  })
})

describe('the other commands', () => {
  it('`runs` lists runs for people and for machines', async () => {
    const { code, stdout } = await cli('runs', '--limit', '2')
    expect(code).toBe(0)
    const [header = '', ...rows] = stdout.trim().split('\n')
    expect(header).toMatch(/^RUN +RESULT +WHAT +PROJECT +CREATED +TOOK$/)
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatch(/^[0-9a-f-]{36} {2}ok +npm:quick +sample-project /)
    const json = JSON.parse((await cli('runs', '--limit', '1', '--json')).stdout)
    const next = JSON.parse((await cli('runs', '--limit', '1', '--cursor', json.nextCursor, '--json')).stdout)
    expect(next.runs[0].id).not.toBe(json.runs[0].id)
    expect((await cli('runs', '--state', 'nonsense')).code).toBe(125)
  })

  it('`abort` ends a run, and reports one that does not exist', async () => {
    const { process, id } = await running('npm:waits', 'up')
    const { code, stdout } = await cli('abort', id, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ run: { id, state: 'aborted' } })
    expect(await process.exited).toBe(130)
    const unknown = await cli('abort', randomUUID())
    expect(unknown.code).toBe(125)
    expect(unknown.stderr).toMatch(/^millrace: No run /)
  })

  it('`login` prints an address that logs in, once', async () => {
    const { stdout } = await cli('login')
    const address = stdout.trim()
    expect(address.startsWith(`${server.url}/login?code=`)).toBe(true)
    const first = await fetch(address, { redirect: 'manual' })
    expect(first.status).toBe(303)
    expect(first.headers.get('location')).toBe('/')
    expect(first.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/)
    expect((await fetch(address, { redirect: 'manual' })).status).toBe(401)
    const json = JSON.parse((await cli('login', '--json')).stdout)
    expect(json).toEqual({ url: expect.stringContaining('/login?code='), expiresAt: expect.any(Number) })
  })

  it('commands work through npx from the root of the repository, with an address and a token', async () => {
    const card = server.process.stderr().match(/"dataDir":"([^"]+)"/)?.[1] ?? ''
    const { token } = JSON.parse(readFileSync(join(card, 'server.json'), 'utf8')) as { token: string }
    const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: token }
    const { stdout } = await promisify(execFile)('npx', ['millrace', 'runs', '--json', '--limit', '1'], {
      cwd: root,
      env,
    })
    expect(JSON.parse(stdout)).toMatchObject({ runs: [{ kind: 'job' }] })
  })

  it('commands say what to do when no server runs', async () => {
    const nowhere = join(scratch.path, 'nowhere')
    mkdirSync(nowhere)
    const env = { XDG_STATE_HOME: join(scratch.path, 'no-state') }
    for (const args of [['runs'], ['run', 'npm:test'], ['follow', randomUUID()], ['login'], ['abort', 'x']]) {
      const { code, stdout, stderr } = await millraceToEnd(args, { cwd: nowhere, env })
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
      expect(stderr).toMatch(/^millrace: no server runs here: start one with "millrace serve"/)
    }
  })

  it('commands leave no process once the server has stopped', async () => {
    const { process: run } = await running('npm:waits', 'up')
    server.process.kill('SIGTERM')
    expect(await run.exited).toBe(75)
    expect(await server.process.exited).toBe(0)
    await until(() => !isAlive(server.process.pid))
  })
})
