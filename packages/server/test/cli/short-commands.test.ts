import { describe, expect, it } from 'vitest'
import { place, run } from './child.ts'
import { json, problem, runOf, scriptedServer } from './scripted-server.ts'

const ended = { state: 'completed', startedAt: 1000, finishedAt: 3500 } as const
const done = runOf({ ...ended, outcome: 'success', result: { success: true, exitCode: 0 } })
const crashed = runOf({ ...ended, outcome: 'failure', result: { success: false, exitCode: 3 } })
const prompt = `Fix the failing test\u001b[2J\n${'and more '.repeat(20)}`
const failed = runOf({
  state: 'errored',
  outcome: 'failure',
  spec: { kind: 'session', prompt },
  kind: 'session',
  project: null,
})

async function serverHere() {
  const where = place()
  const server = await scriptedServer({
    'GET /api/runs': (response) => json(response, 200, { runs: [done, crashed, failed], nextCursor: 'abc' }),
    [`POST /api/runs/${done.id}/abort`]: (response) => json(response, 200, { run: done }),
    'POST /api/runs/unknown/abort': (response) => problem(response, 404, 'No run unknown'),
    'POST /api/login-codes': (response) =>
      json(response, 201, { url: 'http://x/login?code=1', expiresAt: 5 }),
  })
  server.writeCard(where.dataDir)
  return { where, server }
}

describe('millrace login', () => {
  it('login prints an address, for the user whom an admin names', async () => {
    const { where, server } = await serverHere()
    expect((await run(['login', '--user', 'anna'], where)).stdout).toBe('http://x/login?code=1\n')
    expect(server.seen.at(-1)).toMatchObject({ body: { user: 'anna', admin: false } })
    const alone = await run(['login', '--admin'], where)
    expect(alone).toMatchObject({ code: 2, stdout: '' })
  })
})

describe('millrace runs', () => {
  it('runs prints a table for a person, and the page itself for a machine', async () => {
    const { where, server } = await serverHere()
    const plain = await run(['runs'], where)
    expect(plain.stdout.split('\n').map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      ['RUN', 'RESULT', 'WHAT', 'PROJECT', 'CREATED', 'TOOK'],
      [done.id, 'ok', 'count', 'web', '2026-01-02 03:04:05', '2.5 s'],
      [crashed.id, 'exit 3', 'count', 'web', '2026-01-02 03:04:05', '2.5 s'],
      [failed.id, 'errored', 'Fix the failing test\ufffd[2J …', '2026-01-02 03:04:05'],
      [''],
    ])
    expect(plain.stderr).toBe('-- more: --cursor abc\n')
    const machine = await run(['runs', '--json', '--state', 'running', '--limit', '5'], where)
    expect(JSON.parse(machine.stdout)).toEqual({ runs: [done, crashed, failed], nextCursor: 'abc' })
    expect(server.seen.at(-1)?.path).toBe('/api/runs?state=running&limit=5')
  })

  it('runs asks the server for failures, for a user and for a text', async () => {
    const { where, server } = await serverHere()
    const queryOf = async (...flags: string[]) => {
      expect(await run(['runs', ...flags], where)).toMatchObject({ code: 0 })
      return server.seen.at(-1)?.path.split('?')[1]
    }
    expect(await queryOf('--failed')).toBe('outcome=failure')
    expect(await queryOf('--outcome', 'aborted', '--owner', 'ada')).toBe('outcome=aborted&owner=ada')
    expect(await queryOf('--search', 'npm test')).toBe('q=npm+test')
  })
})

describe('millrace abort', () => {
  it('abort prints the state of the run, or that there is none', async () => {
    const { where } = await serverHere()
    expect(await run(['abort', done.id], where)).toMatchObject({ code: 0, stdout: `${done.id} completed\n` })
    expect(JSON.parse((await run(['abort', done.id, '--json'], where)).stdout)).toEqual({ run: done })
    expect(await run(['abort', 'unknown'], where)).toMatchObject({
      code: 125,
      stdout: '',
      stderr: 'millrace: No run unknown\n',
    })
  })
})

describe('millrace login', () => {
  it('login prints nothing but the address', async () => {
    const { where } = await serverHere()
    expect(await run(['login'], where)).toMatchObject({
      code: 0,
      stdout: 'http://x/login?code=1\n',
      stderr: '',
    })
    const { stdout } = await run(['login', '--json'], where)
    expect(JSON.parse(stdout)).toEqual({ url: 'http://x/login?code=1', expiresAt: 5 })
  })
})

describe('any command', () => {
  it('without a server, commands say how to start one', async () => {
    const ended = await run(['runs'], place())
    expect(ended).toMatchObject({ code: 125, stdout: '' })
    expect(ended.stderr).toMatch(/^millrace: no server runs here: start one with "millrace serve"/)
  })

  it('commands recognize that something else than Millrace answers', async () => {
    const where = place()
    const server = await scriptedServer({
      'GET /api/runs': (response) => json(response, 200, { hello: 'world' }),
    })
    server.writeCard(where.dataDir)
    const ended = await run(['runs'], where)
    expect(ended).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('did not answer as a Millrace server'),
    })
  })
})
