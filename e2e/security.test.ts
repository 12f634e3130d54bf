/** Credentials as people use them: the command line beside a running server, and browsers of another origin. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { connect } from '@millrace/test-support/sse'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'
import { millraceToEnd } from './support/cli.ts'

const scratch = scratchFolder()
const dataDir = join(scratch.path, 'data')
let server: ServerProcess
/** A page of another origin, which CORS lets in. */
let elsewhere: { origin: string; close: () => Promise<void> }

beforeAll(async () => {
  mkdirSync(join(scratch.path, 'web'))
  elsewhere = await emptyPage()
})
afterAll(async () => {
  await server?.end()
  await elsewhere?.close()
  scratch.dispose()
})

async function emptyPage() {
  const page = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>elsewhere</title>')
  })
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(page.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        page.closeAllConnections()
        page.close(() => resolve())
      }),
  }
}

async function token(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return millraceToEnd(['token', ...args, '--data', dataDir], { cwd: scratch.path })
}

interface Made {
  id: string
  token: string
  user: string
  admin: boolean
  expiresAt: number | null
}
const made: Made[] = []

async function create(...args: string[]): Promise<Made> {
  const { code, stdout, stderr } = await token('create', '--json', ...args)
  expect([code, stderr]).toEqual([0, ''])
  const one = JSON.parse(stdout) as Made
  made.push(one)
  return one
}

const call = (bearer: string, path: string, init: RequestInit = {}) =>
  fetch(server.url + path, {
    ...init,
    headers: { authorization: `Bearer ${bearer}`, ...(init.headers as object) },
  })

async function start(bearer: string): Promise<string> {
  const response = await call(bearer, '/api/execute', post({ toolId: 'wait', projectId: 'web' }))
  return ((await response.json()) as { data: { jobId: string } }).data.jobId
}

describe('tokens at the command line', () => {
  let early: Made

  it('tokens can be made before the first start of a server, and are valid from then on', async () => {
    early = await create('--user', 'olga', '--ttl', '30d')
    expect(early.expiresAt).toBeGreaterThan(Date.now() + 29 * 86_400_000)
    server = await startServer({
      cwd: scratch.path,
      dataDir,
      config: {
        projects: { web: { path: join(scratch.path, 'web') } },
        tools: { wait: { command: ['sh', '-c', 'echo waiting; sleep 600'] } },
        http: { cors: { origins: [elsewhere.origin] } },
        sandbox: { mode: 'off' },
      },
    })
    expect(await (await call(early.token, '/api/server')).json()).toMatchObject({
      user: 'olga',
      admin: false,
    })
  })

  it('tokens can be made and listed beside a running server, each secret shown once', async () => {
    const admin = await create('--user', 'ada', '--admin')
    expect(await (await call(admin.token, '/api/server')).json()).toMatchObject({ user: 'ada', admin: true })
    const shown = await token('create', '--user', 'otto')
    const secret = shown.stdout.trim()
    expect(secret).toMatch(/^mr_token_[\w-]{43}$/)
    expect(shown.stderr).not.toContain(secret)
    expect((await call(secret, '/api/server')).status).toBe(200)
    for (const list of [await token('list'), await token('list', '--json')]) {
      expect(list.code).toBe(0)
      for (const name of ['olga', 'otto', 'ada']) expect(list.stdout).toContain(name)
      for (const one of [secret, ...made.map((other) => other.token)]) expect(list.stdout).not.toContain(one)
    }
  })

  it('tokens are in no file of the data directory, even while the server runs', () => {
    for (const name of readdirSync(dataDir).filter((one) => one !== 'server.json')) {
      const content = readFileSync(join(dataDir, name), 'latin1')
      for (const { token: secret } of made)
        expect([name, content.includes(secret.slice(9))]).toEqual([name, false])
    }
    expect(server.log()).not.toMatch(/mr_token_[\w-]{20}/)
  })

  it('tokens revoked while they stream end the stream and are refused', async () => {
    const one = await create('--user', 'olga')
    const id = await start(one.token)
    const headers = { Authorization: `Bearer ${one.token}` }
    const [mine, other] = [
      await connect(`${server.url}/api/stream/${id}`, headers),
      await connect(`${server.url}/api/stream/${id}`, { Authorization: `Bearer ${early.token}` }),
    ]
    await mine.until(({ type }) => type === 'output')
    const revoked = await token('revoke', one.id)
    expect([revoked.code, revoked.stderr]).toEqual([0, ''])
    await mine.over
    expect((await call(one.token, `/api/runs/${id}`)).status).toBe(401)
    expect(await Promise.race([other.over, 'open'])).toBe('open')
    await call(early.token, `/api/runs/${id}/abort`, { method: 'POST' })
    expect(await other.over).toBe('end')
    const { tokens } = JSON.parse((await token('list', '--json')).stdout) as {
      tokens: { id: string; revokedAt: number }[]
    }
    expect(tokens.find((listed) => listed.id === one.id)?.revokedAt).toBeGreaterThan(0)
  })

  it('tokens that expire end their streams', async () => {
    const one = await create('--user', 'olga', '--ttl', '3s')
    const id = await start(early.token)
    const mine = await connect(`${server.url}/api/stream/${id}`, { Authorization: `Bearer ${one.token}` })
    await mine.over
    expect((await call(one.token, '/api/server')).status).toBe(401)
    await call(early.token, `/api/runs/${id}/abort`, { method: 'POST' })
  })

  it.each([
    [['create'], 2],
    [['create', '--user', ''], 2],
    [['create', '--user', 'admin'], 2],
    [['create', '--user', 'a\nb'], 2],
    [['create', '--user', 'ann', '--ttl', 'soon'], 2],
    [['create', '--user', 'ann', '--ttl', '0d'], 2],
    [['revoke', 'nonsense'], 125],
  ])('`millrace token` says what is wrong with %j', async (args, code) => {
    const answer = await token(...args)
    expect(answer.code === code || (code === 125 && answer.code !== 0)).toBe(true)
    expect(answer.stdout).toBe('')
    expect(answer.stderr).not.toBe('')
    expect(answer.stderr).not.toMatch(/\n\s+at /)
  })
})

describe('a page of another origin', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
    await browser.page.goto(elsewhere.origin)
  })
  afterAll(() => browser?.close())

  it('a page of another origin follows a job to its end with only a ticket in the address', async () => {
    const one = await create('--user', 'olga')
    const id = await start(one.token)
    const path = `/api/stream/${id}`
    const { ticket } = (await (await call(one.token, '/api/tickets', post({ path }))).json()) as {
      ticket: string
    }
    const seen = browser.page.evaluate(
      (url) =>
        new Promise<string[]>((resolve) => {
          const scope = globalThis as unknown as { EventSource: typeof EventSource }
          const source = new scope.EventSource(url)
          const ids: string[] = []
          for (const type of ['run:queued', 'run:started', 'output', 'error']) {
            source.addEventListener(type, (event) => {
              if ('lastEventId' in event) ids.push(String(event.lastEventId))
              else if (source.readyState === 2) resolve(ids)
            })
          }
        }),
      `${server.url}${path}?ticket=${ticket}`,
    )
    const beside = await connect(server.url + path, { Authorization: `Bearer ${one.token}` })
    await beside.until(({ type }) => type === 'output')
    await call(one.token, `/api/runs/${id}/abort`, { method: 'POST' })
    expect(await seen).toEqual(['1', '2', '3', '4'])
    await beside.over
  })

  it('a page of another origin reads, starts and follows nothing with a logged-in browser’s cookie', async () => {
    const { url } = await server.json<{ url: string }>('/api/login-codes', { method: 'POST' })
    const other = await browser.context.newPage()
    expect((await other.goto(url))?.status()).toBe(200)
    await other.close()
    const tried = await browser.page.evaluate(async (base) => {
      const outcome = (promise: Promise<Response>) =>
        promise.then(
          ({ status }) => status,
          () => 'refused',
        )
      const body = JSON.stringify({ toolId: 'wait', projectId: 'web' })
      return [
        await outcome(fetch(`${base}/api/runs`, { credentials: 'include' })),
        await outcome(fetch(`${base}/api/runs`)),
        await outcome(
          fetch(`${base}/api/execute`, {
            method: 'POST',
            credentials: 'include',
            headers: { 'content-type': 'application/json' },
            body,
          }),
        ),
        await outcome(
          fetch(`${base}/api/execute`, { method: 'POST', credentials: 'include', mode: 'no-cors', body }),
        ),
      ]
    }, server.url)
    // Without cookies CORS lets it in as far as anybody; with them not even that.
    expect(tried).toEqual(['refused', 401, 'refused', 'refused'])
    const { runs } = await server.json<{ runs: { owner: string }[] }>('/api/runs?limit=200')
    expect(runs.filter(({ owner }) => owner === 'admin')).toEqual([])
  })
})
