import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { startJob, untilLine } from '@millrace/test-support/jobs'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'
import { millraceToEnd } from './support/cli.ts'

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
    colours: bash("printf '\\033[31mred\\033[0m <b>bold</b>\\n'"),
  },
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
const run = async (tool: string) => {
  await page().selectOption('select[name=tool]', tool)
  await page().click('text="Run"')
}
const output = () => page().locator('#output')
const state = (label: string) =>
  page()
    .locator('#head .state', { hasText: new RegExp(`^${label}$`) })
    .waitFor()

/** The address that the server prints at its start. */
function printedAddress(): string {
  const address = /http:\/\/\S+\/login\?code=\S+/.exec(server.log())?.[0]
  if (address === undefined) throw new Error(`no address was printed:\n${server.log()}`)
  return address
}

async function annasToken(): Promise<{ token: string }> {
  const args = ['token', 'create', '--user', 'anna', '--data', dataDir, '--json']
  return JSON.parse((await millraceToEnd(args, { cwd: project })).stdout)
}

describe('the page', () => {
  it('the page explains how to log in', async () => {
    await page().goto(server.url)
    await page().getByText('This browser is not logged in').waitFor()
    expect(await page().locator('#login').innerText()).toContain('millrace login')
    expect(await page().locator('#app').isVisible()).toBe(false)
    expect(browser.complaints).toEqual([expect.stringContaining('401')])
  })

  it('the printed address logs the page in, and the code leaves the address', async () => {
    await page().goto(printedAddress())
    await page().getByText('No runs yet').waitFor()
    expect(page().url()).toBe(`${server.url}/`)
    expect(await page().locator('#who').innerText()).toContain('admin')
    const [cookie] = await browser.context.cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', name: expect.stringMatching(/_\d+$/) })
    // Not the first one, which starts a server.
    expect(await page().locator('#start select[name=tool]').inputValue()).toBe('steps')
    expect(browser.complaints).toEqual([])
  })

  it('a token that is pasted into the page logs its user in, and a wrong one is refused', async () => {
    const { token } = await annasToken()
    const other = await openBrowser()
    try {
      await other.page.goto(server.url)
      await other.page.fill('#token-login input', 'mr_token_wrong')
      await other.page.getByRole('button', { name: 'Log in' }).click()
      await other.page.getByText('This token is not valid here.').waitFor()
      await other.page.fill('#token-login input', ` ${token}\n`)
      await other.page.getByRole('button', { name: 'Log in' }).click()
      await other.page.getByText('No runs yet').waitFor()
      expect(other.page.url()).toBe(`${server.url}/`)
      expect(await other.page.locator('#who').innerText()).toContain('anna')
    } finally {
      await other.close()
    }
  })

  it('the page refuses the printed address a second time, and says so', async () => {
    const other = await openBrowser()
    try {
      const response = await other.page.goto(printedAddress())
      expect(response?.status()).toBe(401)
      expect(await other.page.locator('h1').innerText()).toBe('This address does not log in')
      expect(await other.page.locator('main').innerText()).toContain('millrace login')
      expect(await other.context.cookies()).toEqual([])
      expect(other.complaints).toEqual([expect.stringContaining('401')])
    } finally {
      await other.close()
    }
  })

  it('the page starts a tool, shows its lines while it runs, and how it ended', async () => {
    await run('steps')
    await output().getByText('one', { exact: true }).waitFor()
    await state('running')
    expect(await output().innerText()).toBe('one\n')
    expect(await page().getByRole('button', { name: 'Run again' }).isVisible()).toBe(false)
    writeFileSync(join(project, 'go'), '')
    await state('exit 3')
    await page()
      .getByText(/The process exited with code 3 after .* and 3 lines\./)
      .waitFor()
    expect((await output().innerText()).split('\n').sort()).toEqual(['', 'one', 'three', 'two'])
    expect(await output().locator('.stderr').innerText()).toBe('two\n')
    expect(browser.complaints).toEqual([])
  })

  it('the page aborts a run, and runs it again', async () => {
    await run('waits')
    await output().getByText('waiting').waitFor()
    await page().click('text="Abort"')
    await state('aborted')
    await page().getByText('Aborted by request').waitFor()
    const before = page().url()
    await page().click('text="Run again"')
    await state('running')
    await output().getByText('waiting').waitFor()
    expect(page().url()).not.toBe(before)
    await page().click('text="Abort"')
    await state('aborted')
    expect(browser.complaints).toEqual([])
  })

  it('shows on request only the runs that failed', async () => {
    const items = page().locator('#runs > li')
    const all = await items.count()
    expect(all).toBeGreaterThan(1)
    await page().check('#failed-only')
    await expect.poll(() => items.count()).toBe(1)
    expect(await items.innerText()).toContain('exit 3')
    await page().uncheck('#failed-only')
    await expect.poll(() => items.count()).toBe(all)
    expect(browser.complaints).toEqual([])
  })

  it('the page asks for the arguments of a tool, and shows output as text', async () => {
    await page().selectOption('select[name=tool]', 'greet')
    await page().getByLabel('name').fill('<i>world</i>')
    await page().click('text="Run"')
    await state('ok')
    await output().getByText('hello <i>world</i>', { exact: true }).waitFor()
    await run('colours')
    await output().getByText('red <b>bold</b>', { exact: true }).waitFor()
    await state('ok')
    expect(await output().innerText()).toBe('red <b>bold</b>\n')
    expect(browser.complaints).toEqual([])
  })

  it('the page lists the runs of everybody that its user may see, newest first, and opens the chosen one', async () => {
    const id = await startJob(server, 'waits')
    await untilLine(server, id, 'waiting')
    const names = page().locator('#runs .tool')
    await page().locator('#runs li').nth(5).waitFor()
    expect(await names.allInnerTexts()).toEqual(['waits', 'colours', 'greet', 'waits', 'waits', 'steps'])
    const states = await page().locator('#runs .state').allInnerTexts()
    expect(states).toEqual(['running', 'ok', 'ok', 'aborted', 'aborted', 'exit 3'])
    await page().locator('#runs button').nth(5).click()
    await state('exit 3')
    await output().getByText('three').waitFor()
    await page().goto(`${server.url}/#${id}`)
    await output().getByText('waiting').waitFor()
    expect(await output().innerText()).toBe('waiting\n')
    await server.call(`/api/runs/${id}/abort`, { method: 'POST' })
    await state('aborted')
    expect(browser.complaints).toEqual([])
  })

  it('the page shows each line once, even of a run opened twice before the server answers', async () => {
    await run('waits')
    await state('running')
    await output().getByText('waiting').waitFor()
    const id = new URL(page().url()).hash.slice(1)
    const held = Promise.withResolvers<void>()
    let asked = 0
    await page().route(`**/api/runs/${id}`, async (route) => {
      asked += 1
      await held.promise
      await route.fallback()
    })
    await page().locator('#runs button').first().dblclick()
    await until(() => asked === 2)
    held.resolve()
    await page().click('text="Abort"')
    await page().getByText('Aborted by request').waitFor()
    expect(await output().innerText()).toBe('waiting\n')
    await page().unrouteAll({ behavior: 'wait' })
  })

  it('the page restarts its output when the log restarts', async () => {
    await run('colours')
    await state('ok')
    const id = new URL(page().url()).hash.slice(1)
    const frame = (seq: number, line: string) =>
      `id: ${seq}\nevent: output\ndata: ${JSON.stringify({ line, timestamp: 0, stream: 'stdout' })}\n\n`
    const reset = 'event: reset\ndata: {"reason":"ahead","firstSeq":1,"head":3}\n\n'
    await page().route(`**/api/runs/${id}/events`, (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body: `${frame(1, 'one')}${reset}${frame(1, 'one')}${frame(2, 'two')}event: complete\ndata: {}\n\n`,
      }),
    )
    await page().locator('#runs button').first().click()
    await output().getByText('two').waitFor()
    await page().unrouteAll({ behavior: 'wait' })
    expect(await output().innerText()).toBe('one\ntwo\n')
    expect(await page().locator('#cut').isVisible()).toBe(false)
  })

  it('the page says that the run in its address does not exist', async () => {
    await page().goto(`${server.url}/#00000000-0000-4000-8000-000000000000`)
    await page().getByText('No run 00000000').waitFor()
    await page().goto(`${server.url}/`)
    expect(browser.complaints.filter((text) => !text.includes('404'))).toEqual([])
  })

  it('the page reports a lost connection when the server dies, and resumes with the next one, still logged in', async () => {
    await run('waits')
    await output().getByText('waiting').waitFor()
    const port = Number(new URL(server.url).port)
    await server.end('SIGKILL')
    await page().getByText('Connection lost. Reconnecting').waitFor()
    await page().click('text="Run"')
    await page().getByText('The server is not responding.').waitFor()

    server = await startServer({ cwd: project, dataDir, config, port })
    await state('interrupted')
    await page().getByText('The server stopped without warning').waitFor()
    expect(await page().getByText('Connection lost').isVisible()).toBe(false)
    expect(await page().locator('#login').isVisible()).toBe(false)
    expect(await output().innerText()).toBe('waiting\n')
    await run('colours')
    await state('ok')
    expect(browser.complaints.filter((text) => !text.includes('net::ERR_'))).toEqual([])
  })

  it('the page logs out', async () => {
    await page().click('text="Log out"')
    await page().getByText('This browser is not logged in').waitFor()
    const [cookie] = await browser.context.cookies()
    expect(cookie).toBeUndefined()
    expect(browser.complaints.filter((text) => !text.includes('401'))).toEqual([])
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
