/** A server below a path of a public address, behind a real nginx that removes the prefix or leaves it in place. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { startJob } from '@millrace/test-support/jobs'
import { post, quietPort, type ServerProcess, startServer } from '@millrace/test-support/server'
import { connect } from '@millrace/test-support/sse'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'
import { millraceToEnd } from './support/cli.ts'
import { startNginx } from './support/nginx.ts'

const releases: (() => unknown)[] = []
let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
  await browser?.close()
})

interface Site {
  server: ServerProcess
  /** With the prefix, without a slash at the end. */
  base: string
  cli: (...args: string[]) => ReturnType<typeof millraceToEnd>
}

async function site(target: (upstream: string) => string, passesHost = true): Promise<Site> {
  const scratch = scratchFolder()
  releases.push(scratch.dispose)
  const [project, dataDir] = [join(scratch.path, 'web'), join(scratch.path, 'data')]
  for (const folder of [project, dataDir]) mkdirSync(folder)
  const port = await quietPort()
  const config = {
    projects: { web: { path: project } },
    tools: { greet: { command: ['echo', 'hello'] } },
    sandbox: { mode: 'off' },
    http: { publicUrl: `http://127.0.0.1:${port}/mill/`, trustProxy: true },
  }
  const server = await startServer({ cwd: project, dataDir, config })
  releases.push(() => server.end('SIGKILL'))
  const nginx = await startNginx(
    join(scratch.path, 'nginx'),
    (listening) => `server {
      listen 127.0.0.1:${listening};
      location /mill/ {
        proxy_pass ${target(server.url)};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        ${passesHost ? 'proxy_set_header Host $http_host;' : ''}
        proxy_buffering off;
      }
    }`,
    port,
  )
  releases.push(nginx.end)
  return {
    server,
    base: `${nginx.url}/mill`,
    cli: (...args) => millraceToEnd([...args, '--data', dataDir], { cwd: project }),
  }
}

const kinds = [
  ['removes the prefix', (upstream: string) => `${upstream}/`, lookAtDocs],
  [
    'leaves the prefix in place',
    (upstream: string) => upstream,
    process.env.MILLRACE_TEST_FULL ? lookAtDocs : loadDocs,
  ],
] as const

/** In the browser, which takes seconds to draw the whole API. */
async function lookAtDocs(base: string): Promise<void> {
  await browser.page.goto(`${base}/docs`)
  await browser.page.locator('#operations-service-get_healthz').waitFor()
}

/** What the browser would load, without drawing it. */
async function loadDocs(base: string): Promise<void> {
  const page = await fetch(`${base}/docs/`)
  const addresses = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, address = '']) => new URL(address, page.url).href,
  )
  expect(addresses.some((address) => address.endsWith('.js'))).toBe(true)
  for (const address of addresses) {
    expect(address).toContain(`${base}/`)
    expect([address, (await fetch(address)).status]).toEqual([address, 200])
  }
}

describe.each(kinds)('behind an nginx that %s', (_kind, target, tryDocs) => {
  let behind: Site
  beforeAll(async () => {
    behind = await site(target)
  })

  it('a browser logs in with the printed address, and page, streams and API document work below the prefix', async () => {
    const { server, base } = behind
    const printed = /http:\/\/\S+\/login\?code=\S+/.exec(server.log())?.[0] ?? ''
    expect(printed).toMatch(`${base}/login?code=`)
    const { page, context, complaints } = browser
    complaints.length = 0
    await page.goto(printed)
    expect(page.url()).toBe(`${base}/`)
    const [cookie, ...more] = await context.cookies()
    expect(more).toEqual([])
    expect(cookie).toMatchObject({ path: '/mill/', name: `millrace_${new URL(base).port}`, secure: false })
    await page.getByRole('button', { name: 'New run', exact: true }).click()
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(`${base}/runs/*`)
    await page.getByText('hello', { exact: true }).first().waitFor()
    // Two folders down: the page's own links are relative.
    await page.reload()
    await page.getByText('Ended with exit code 0').first().waitFor()
    await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).click()
    await page.waitForURL(`${base}/runs`)
    await tryDocs(base)
    const { servers } = (await (await fetch(`${base}/openapi.json`)).json()) as { servers: unknown }
    expect(servers).toEqual([{ url: base }])
    // A person is shown a page; a program reads what it reads of every refusal.
    const unknown = await page.goto(`${base}/no/such/page`)
    expect(unknown?.status()).toBe(404)
    await page.getByText('There is no such page').waitFor()
    for (const [path, accept] of [
      ['/no/such/page', '*/*'],
      ['/api/none', 'text/html'],
    ] as const) {
      const refused = await fetch(base + path, { headers: { Accept: accept } })
      expect([path, refused.status, await refused.json()]).toMatchObject([path, 404, { code: 'not_found' }])
    }
    await page.getByRole('link', { name: 'admin' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('This browser is not signed in').waitFor()
    expect(await context.cookies()).toEqual([])
    // The browser's own lines about the unknown page, and about the refused call that finds out.
    expect(complaints.filter((text) => !/\b40[14]\b/.test(text))).toEqual([])
  })

  it('realtime, a ticket for a stream, and the Location of a run work below the prefix', async () => {
    const { server, base } = behind
    const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' }
    const topics = await connect(`${base}/api/realtime`, {})
    await topics.until(({ type }) => type === 'PB_CONNECT')
    const subscriptions = ['runs/*']
    const subscribed = await fetch(`${base}/api/realtime`, {
      ...post({ clientId: topics.events[0]?.id, subscriptions }),
      headers,
    })
    expect(subscribed.status).toBe(204)
    const created = await fetch(`${base}/api/runs`, {
      ...post({ kind: 'job', project: 'web', tool: 'greet' }),
      headers,
    })
    const { run } = (await created.json()) as { run: { id: string } }
    expect(created.headers.get('location')).toBe(`/mill/api/runs/${run.id}`)
    await topics.until(({ type }) => type === 'runs/*')
    topics.close()
    for (const path of [`/mill/api/runs/${run.id}/events`, `/api/runs/${run.id}/events`]) {
      const made = await fetch(`${base}/api/tickets`, { ...post({ path }), headers })
      const { ticket } = (await made.json()) as { ticket: string }
      const stream = await connect(`${base}/api/runs/${run.id}/events?ticket=${ticket}`, {})
      expect(await stream.over).toBe('end')
      expect(stream.events.at(-1)?.type).toBe('complete')
    }
  })

  it('millrace login prints the public address, and local commands work without the proxy', async () => {
    const { server, base, cli } = behind
    const login = await cli('login')
    expect(login.stdout).toMatch(`${base}/login?code=`)
    // The proxy's folder without a slash, and a direct request that names the prefix.
    const bare = await fetch(`${server.url}/mill`, { redirect: 'manual' })
    expect([bare.status, bare.headers.get('location')]).toEqual([308, '/mill/'])
    expect((await fetch(`${server.url}/mill/healthz`)).status).toBe(200)
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    expect((await cli('run', 'greet')).stdout).toContain('hello')
  })
})

describe('behind an nginx that changes the host', () => {
  it('a write with a cookie is accepted from its own pages where the proxy changes the host', async () => {
    const { server, base, cli } = await site((upstream) => upstream, false)
    const login = await fetch((await cli('login')).stdout.trim(), { redirect: 'manual' })
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? ''
    const id = await startJob(server, 'greet')
    const abort = (origin: string) =>
      fetch(`${base}/api/runs/${id}/abort`, { method: 'POST', headers: { cookie, origin } })
    expect((await abort(new URL(base).origin)).status).toBe(200)
    expect((await abort('http://127.0.0.1:1')).status).toBe(403)
  })
})
