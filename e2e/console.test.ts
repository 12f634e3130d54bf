/** The console over the real server: signing in, starting runs, the live list, many tabs, a restart, a phone, two users. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { startJob, untilLine } from '@millrace/test-support/jobs'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import type { BrowserContext, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seriousProblems } from './support/axe.ts'
import { type Browser, openBrowser } from './support/browser.ts'

const scratch = scratchFolder()
const [project, dataDir] = [join(scratch.path, 'web'), join(scratch.path, 'data')]
const bash = (script: string) => ({ command: ['bash', '-c', script] })
const config = {
  projects: { web: { path: project } },
  tools: {
    'npm:start': bash('sleep 600'),
    // Continues once the test has seen its output.
    steps: bash('echo one; until [ -e go ]; do sleep 0.05; done; echo two >&2; echo three; exit 3'),
    waits: bash('echo waiting; sleep 600'),
    greet: { command: ['echo', 'hello {name}'], args: { name: { required: true } } },
  },
  concurrency: { job: 8 },
  limits: { startsPerMinute: 6000 },
}

let server: ServerProcess
let browser: Browser
const releases: (() => unknown)[] = [scratch.dispose]
beforeAll(async () => {
  mkdirSync(project)
  mkdirSync(dataDir)
  server = await startServer({ cwd: project, dataDir, config })
  releases.push(() => server.end())
  browser = await openBrowser()
  releases.push(browser.close)
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})
beforeEach(() => {
  browser.complaints.length = 0
})

const page = () => browser.page

/** The address that the server prints at its start. */
function printedAddress(): string {
  const address = /http:\/\/\S+\/login\?code=\S+/.exec(server.log())?.[0]
  if (address === undefined) throw new Error(`no address was printed:\n${server.log()}`)
  return address
}

async function tokenOf(user: string): Promise<string> {
  return (await server.json<{ token: string }>('/api/admin/tokens', post({ user }))).token
}

const row = (on: Page, name: string) => on.getByRole('main').getByRole('link', { name })
const go = (name: string, on = page()) => on.getByRole('navigation').getByRole('link', { name }).click()

describe('signing in', () => {
  it('every page offers a browser without a cookie the ways to sign in', async () => {
    for (const path of ['/', '/runs?state=running', '/login']) {
      await page().goto(server.url + path)
      await page().getByText('This browser is not signed in').waitFor()
      expect(await page().locator('main').innerText()).toContain('millrace login')
    }
    expect(await seriousProblems(page())).toEqual([])
    expect(browser.complaints.filter((text) => !text.includes('401'))).toEqual([])
  })

  it('the printed address signs in, and the code leaves the address', async () => {
    await page().goto(printedAddress())
    await page().getByText('Nothing here yet').waitFor()
    expect(page().url()).toBe(`${server.url}/`)
    expect(await page().getByRole('navigation').innerText()).toContain('admin')
    const [cookie] = await browser.context.cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', name: expect.stringMatching(/_\d+$/) })
    expect(browser.complaints).toEqual([])
  })

  it('a used address is refused with what to do, and a pasted token then signs its user in', async () => {
    const token = await tokenOf('anna')
    const other = await browser.another()
    try {
      const response = await other.page.goto(printedAddress())
      expect(response?.status()).toBe(401)
      await other.page.getByRole('heading', { name: 'This address does not log in' }).waitFor()
      expect(await other.context.cookies()).toEqual([])
      const field = other.page.getByLabel('Token, code, or login address')
      await field.fill('mr_token_wrong')
      await other.page.getByRole('button', { name: 'Sign in' }).click()
      await other.page.getByText('This token is not valid here.').waitFor()
      await field.fill(` ${token}\n`)
      await other.page.getByRole('button', { name: 'Sign in' }).click()
      await other.page.getByText('Nothing here yet').waitFor()
      expect(await other.page.getByRole('navigation').innerText()).toContain('anna')
    } finally {
      await other.close()
    }
  })
})

describe('starting and watching', () => {
  it('the form proposes a tool that is no server, and a job is started and watched by keyboard alone', async () => {
    await page().goto(server.url)
    await page().getByText('Nothing here yet').waitFor()
    await page().keyboard.press('c')
    const dialog = page().getByRole('dialog', { name: 'New run' })
    expect(await dialog.getByLabel('Tool', { exact: true }).last().inputValue()).toBe('steps')
    expect(await seriousProblems(page())).toEqual([])
    await page().keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })

    await page().keyboard.press('Control+k')
    await page().getByRole('combobox', { name: 'Search commands and runs' }).waitFor()
    await page().keyboard.type('run steps')
    expect(await seriousProblems(page())).toEqual([])
    await page().keyboard.press('Enter')
    // The button that starts it has the focus.
    await dialog.getByRole('button', { name: 'Run', exact: true }).waitFor()
    await page().keyboard.press('Enter')
    await page().waitForURL(/\/runs\/[0-9a-f-]{36}/)
    await page().getByText('one', { exact: true }).first().waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('the inbox and the list show how the run stands while it works, and when it failed', async () => {
    await page().keyboard.press('g')
    await page().keyboard.press('i')
    await row(page(), 'steps').getByText('running').waitFor()
    writeFileSync(join(project, 'go'), '')
    const needs = page().getByRole('region', { name: 'Needs you' })
    await needs.getByRole('link', { name: 'steps' }).getByText('exit 3').waitFor()
    expect(await seriousProblems(page())).toEqual([])
    await needs.getByRole('button', { name: 'Dismiss' }).click()
    await page().getByRole('region', { name: 'Done' }).getByRole('link', { name: 'steps' }).waitFor()
    await page().reload()
    await page().getByRole('region', { name: 'Done' }).getByRole('link', { name: 'steps' }).waitFor()
    expect(await needs.count()).toBe(0)
    expect(browser.complaints).toEqual([])
  })

  it('arguments of a tool are asked for, and reach it', async () => {
    await page().keyboard.press('Control+k')
    await page().getByRole('combobox', { name: 'Search commands and runs' }).fill('greet')
    await page().keyboard.press('Enter')
    await page().getByLabel('name', { exact: true }).fill('<i>world</i>')
    await page().getByRole('button', { name: 'Run', exact: true }).click()
    await page().getByText('hello <i>world</i>').first().waitFor()
    expect(browser.complaints).toEqual([])
  })
})

describe('the list', () => {
  it('filters are kept in the address, and survive a reload and the way back', async () => {
    await go('Runs')
    await row(page(), 'greet').waitFor()
    await page().getByRole('button', { name: 'Failed' }).click()
    await page().waitForURL('**/runs?outcome=failure')
    await row(page(), 'greet').waitFor({ state: 'detached' })
    await page().reload()
    await row(page(), 'steps').waitFor()
    expect(await row(page(), 'greet').count()).toBe(0)
    await row(page(), 'steps').click()
    await page().waitForURL(/\/runs\/[0-9a-f-]{36}/)
    await page().goBack()
    await page().waitForURL('**/runs?outcome=failure')
    await page().getByRole('searchbox').fill('nothing like that')
    await page().getByText('No run fits').waitFor()
    expect(await seriousProblems(page())).toEqual([])
    await page().getByRole('button', { name: 'Clear the filter' }).click()
    await row(page(), 'greet').waitFor()
    expect(page().url()).toBe(`${server.url}/runs`)
  })

  it('arrows and letters move along the list, and Enter opens a run', async () => {
    await page().getByRole('searchbox').press('Escape')
    await page().getByRole('list', { name: 'Runs' }).getByRole('link').first().focus()
    await page().keyboard.press('j')
    await expect.poll(() => page().evaluate('document.activeElement?.textContent')).toContain('steps')
    await page().keyboard.press('ArrowUp')
    await expect.poll(() => page().evaluate('document.activeElement?.textContent')).toContain('greet')
    await page().keyboard.press('Enter')
    await page().waitForURL(/\/runs\/[0-9a-f-]{36}/)
    await page().getByText('hello <i>world</i>').first().waitFor()
  })
})

describe('many tabs', () => {
  it('many tabs share one stream, all see a new run at once, and when the leading tab closes another leads', async () => {
    const { context } = browser
    const open = openRequests(context, (request) => new URL(request.url()).pathname === '/api/realtime')
    // The first tab leads since it was opened; its stream is not counted until it begins anew.
    await page().goto(`${server.url}/runs?kind=job`)
    await row(page(), 'greet').waitFor()
    const length = process.env.MILLRACE_TEST_FULL ? 20 : 3
    const tabs = await Promise.all(Array.from({ length }, () => context.newPage()))
    await Promise.all(tabs.map((tab) => tab.goto(`${server.url}/runs?kind=job`)))
    await Promise.all(tabs.map((tab) => row(tab, 'greet').waitFor()))
    expect(open.size).toBe(1)

    const first = await startJob(server, 'waits')
    await Promise.all(tabs.map((tab) => tab.locator(`[data-run="${first}"]`).getByText('running').waitFor()))
    await page().goto('about:blank')
    await expect.poll(() => open.size).toBe(1)
    const second = await startJob(server, 'waits')
    await Promise.all(tabs.map((tab) => tab.locator(`[data-run="${second}"]`).getByText('running').waitFor()))
    for (const id of [first, second]) await server.call(`/api/runs/${id}/abort`, { method: 'POST' })
    await Promise.all(tabs.map((tab) => tab.locator(`[data-run="${second}"]`).getByText('aborted').waitFor()))
    await Promise.all(tabs.map((tab) => tab.close()))
    expect(browser.complaints).toEqual([])
  })

  it('a hidden tab gives the stream of its run back, and shows what it missed when it is shown again', async () => {
    writeFileSync(join(project, 'go'), '')
    const id = await startJob(server, 'waits')
    await untilLine(server, id, 'waiting')
    const open = openRequests(browser.context, (request) => request.url().includes(`/api/runs/${id}/events`))
    await page().goto(`${server.url}/runs/${id}`)
    await page().getByText('waiting', { exact: true }).first().waitFor()
    expect(open.size).toBe(1)
    await beVisible(false)
    await expect.poll(() => open.size).toBe(0)
    await server.call(`/api/runs/${id}/abort`, { method: 'POST' })
    await beVisible(true)
    await page().getByText('aborted').first().waitFor()
  })
})

/** The streams among the requests that are open, of those that `isMeant`. */
function openRequests(context: BrowserContext, isMeant: (request: Request) => boolean): Set<Request> {
  const open = new Set<Request>()
  context.on('request', (request) => {
    if (request.headers().accept === 'text/event-stream' && isMeant(request)) open.add(request)
  })
  context.on('requestfinished', (request) => void open.delete(request))
  context.on('requestfailed', (request) => void open.delete(request))
  return open
}

async function beVisible(isVisible: boolean): Promise<void> {
  const state = isVisible ? 'visible' : 'hidden'
  await page().evaluate(`
    Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  `)
}

describe('other people and other screens', () => {
  it('a user sees their own runs alone, an admin those of all with their owners, and another’s run does not exist', async () => {
    const token = await tokenOf('berta')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ kind: 'job', project: 'web', tool: 'greet', args: { name: 'berta' } })
    const { run } = (await (
      await fetch(`${server.url}/api/runs`, { method: 'POST', headers, body })
    ).json()) as { run: { id: string } }
    const admins = await startJob(server, 'waits')
    const other = await browser.another()
    try {
      await other.page.goto(server.url)
      await other.page.getByLabel('Token, code, or login address').fill(token)
      await other.page.getByRole('button', { name: 'Sign in' }).click()
      await row(other.page, 'greet').waitFor()
      await go('Runs', other.page)
      const rows = other.page.getByRole('list', { name: 'Runs' }).getByRole('listitem')
      await expect.poll(() => rows.count()).toBe(1)
      await page().goto(`${server.url}/runs?kind=job`)
      await page().locator(`[data-run="${run.id}"]`, { hasText: 'berta' }).waitFor()
      await server.call(`/api/runs/${admins}/abort`, { method: 'POST' })
      await page().locator(`[data-run="${admins}"]`).getByText('aborted').waitFor()
      expect(await rows.count()).toBe(1)
      await other.page.goto(`${server.url}/runs/${admins}`)
      await other.page.getByText('There is no such run').waitFor()
      await other.page.goto(`${server.url}/settings`)
      await other.page.getByText('You see your own runs.').waitFor()
      expect(await other.page.getByText('Users’ tokens').count()).toBe(0)
    } finally {
      await other.close()
    }
  })

  it('an admin creates a token that is shown once, and revokes it', async () => {
    await page().goto(`${server.url}/settings`)
    const tokens = page().getByRole('region', { name: 'Users’ tokens' })
    await tokens.getByLabel('User').fill('carla')
    await tokens.getByRole('button', { name: 'Create token' }).click()
    const secret = await tokens.getByRole('status').locator('code').innerText()
    const who = () => fetch(`${server.url}/api/server`, { headers: { authorization: `Bearer ${secret}` } })
    expect((await who()).status).toBe(200)
    expect(await seriousProblems(page())).toEqual([])
    await tokens.getByRole('button', { name: 'Revoke the token of carla' }).click()
    await tokens.getByText('revoked', { exact: true }).waitFor()
    expect((await who()).status).toBe(401)
    await page().reload()
    await tokens.getByText('carla').waitFor()
    expect(await page().content()).not.toContain(secret)
  })

  it('on a phone a run is started and watched, in the dark as in the light', async () => {
    await page().setViewportSize({ width: 390, height: 844 })
    for (const colorScheme of ['dark', 'light'] as const) {
      await page().emulateMedia({ colorScheme })
      await page().goto(server.url)
      await page().getByRole('navigation').getByRole('button', { name: 'New', exact: true }).click()
      const dialog = page().getByRole('dialog', { name: 'New run' })
      await dialog.getByLabel('Tool', { exact: true }).last().selectOption('waits')
      expect(await seriousProblems(page())).toEqual([])
      await dialog.getByRole('button', { name: 'Run', exact: true }).click()
      await page().getByText('waiting', { exact: true }).first().waitFor()
      await page().getByRole('button', { name: 'Abort' }).click()
      await page().getByText('aborted').first().waitFor()
      await go('Inbox')
      await row(page(), 'waits').first().waitFor()
      expect(await seriousProblems(page())).toEqual([])
      const width = await page().evaluate('document.documentElement.scrollWidth')
      expect(width).toBe(390)
    }
    await page().emulateMedia({ colorScheme: null })
    await page().setViewportSize({ width: 1280, height: 800 })
  })
})

describe('many runs, behind the pages that would hold them', () => {
  it('a list of 250 runs holds the rows in view alone, and reads older ones as one scrolls', async () => {
    for (let n = 0; n < 250; n += 25) {
      const titles = Array.from({ length: 25 }, (_, k) => `nightly ${n + k}`)
      await Promise.all(titles.map((title) => server.call('/api/runs', post({ kind: 'external', title }))))
    }
    await page().goto(`${server.url}/runs?kind=external`)
    await row(page(), 'nightly').first().waitFor()
    const rows = page().getByRole('list', { name: 'Runs' }).getByRole('listitem')
    expect(await rows.count()).toBeLessThan(60)
    for (let n = 0; n < 40; n++) {
      await page().mouse.wheel(0, 4000)
      if ((await row(page(), 'nightly 0').count()) > 0) break
      await page().waitForTimeout(50)
    }
    await row(page(), 'nightly 0').first().waitFor()
    expect(await rows.count()).toBeLessThan(60)
  })

  it('the charts show how many runs there were, and how many failed, also to those who read a table', async () => {
    await page().goto(`${server.url}/activity`)
    const failures = page().getByRole('region', { name: 'Failures' })
    await failures.locator('canvas').waitFor()
    await failures.getByText(/^1 · \d+ %$/).waitFor()
    const counts = page().getByRole('region', { name: 'Runs' }).getByRole('cell')
    const { runs } = await server.json<{ runs: object[] }>('/api/runs?kind=job')
    const counted = (await counts.allInnerTexts()).reduce((sum, text) => sum + Number(text), 0)
    expect(counted).toBe(runs.length + 250)
    await page().getByText('7 days').click()
    await page().waitForURL('**/activity?hours=168')
    await page().getByRole('region', { name: 'Spend' }).getByText('$0.00').first().waitFor()
    expect(await seriousProblems(page())).toEqual([])
    expect(browser.complaints).toEqual([])
  })
})

describe('the end of a server', () => {
  it('the page says that the connection is lost, and continues with the next server, still signed in', async () => {
    const id = await startJob(server, 'waits')
    await page().goto(server.url)
    await page().locator(`[data-run="${id}"]`).getByText('running').waitFor()
    const port = Number(new URL(server.url).port)
    await server.end('SIGKILL')
    await page().getByText('Connection lost').waitFor()
    server = await startServer({ cwd: project, dataDir, config, port })
    await page().locator(`[data-run="${id}"]`).getByText('interrupted').waitFor()
    await page().getByText('Connection lost').waitFor({ state: 'detached' })
    expect(await page().getByText('This browser is not signed in').count()).toBe(0)
    expect(browser.complaints.filter((text) => !text.includes('net::ERR_'))).toEqual([])
  })

  it('whoever signs out is signed out in every tab', async () => {
    const second = await browser.context.newPage()
    await second.goto(`${server.url}/runs?kind=job`)
    await row(second, 'waits').first().waitFor()
    await page().goto(`${server.url}/settings`)
    await page().getByRole('button', { name: 'Sign out' }).click()
    await page().getByText('This browser is not signed in').waitFor()
    await second.getByText('This browser is not signed in').waitFor()
    expect(await browser.context.cookies()).toEqual([])
  })
})

describe('/docs', () => {
  it('/docs shows the API, without an error in the browser', async () => {
    await page().goto(`${server.url}/docs`)
    await page().getByText('Start a run; answers at once').click()
    await page().getByText('Request body').first().waitFor()
    expect(await page().title()).toBe('Millrace: the API')
    const { headers } = await fetch(`${server.url}/docs/`)
    const policy = headers.get('content-security-policy')
    expect(policy).toContain("default-src 'self'")
    expect(policy).not.toMatch(/https:|validator|upgrade-insecure-requests/)
    expect(browser.complaints).toEqual([])
  })
})
