/** The page of example 08 in a real browser, while the server behind it is killed and comes back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, quietPort, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { createServer, type ViteDevServer } from 'vite'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'

const example = fileURLToPath(new URL('../examples/08-execution-react/', import.meta.url))
const token = 'a-made-up-token-of-this-test'
const sampleProject = fileURLToPath(new URL('../examples/sample-project/', import.meta.url))
const kills = process.env.MILLRACE_TEST_FULL ? 3 : 2
const scratch = scratchFolder()
let port: number
let server: ServerProcess
let pages: ViteDevServer
let pageUrl: string
let browser: Browser

const start = () =>
  startServer({
    cwd: sampleProject,
    dataDir: `${scratch.path}/data`,
    port,
    env: { MILLRACE_TOKEN: token, ANTHROPIC_API_KEY: '' },
  })

beforeAll(async () => {
  port = await quietPort()
  server = await start()
  Object.assign(process.env, { MILLRACE_URL: server.url, MILLRACE_TOKEN: token })
  const configFile = `${example}vite.config.ts`
  pages = await createServer({
    root: example,
    configFile,
    cacheDir: `${scratch.path}/vite`,
    logLevel: 'silent',
    server: { port: 0, hmr: false },
  })
  await pages.listen()
  pageUrl = (pages.resolvedUrls?.local[0] ?? '').replace(/\/$/, '')
  browser = await openBrowser()
  // The page's time stands still unless a test lets it pass, so that a slow machine uses up no attempts to reconnect.
  await browser.page.clock.install()
  await browser.page.clock.pauseAt(Date.now() + 1000)
})
afterAll(async () => {
  await browser?.close()
  await pages?.close()
  await server?.end('SIGKILL')
  scratch.dispose()
})

/** Lets a frame's time pass on the page, and looks at the banner. */
async function banner(): Promise<string | null> {
  await browser.page.clock.runFor(50)
  return browser.page.getByRole('status').getAttribute('data-status')
}

const bannerSays = (status: string) => until(async () => (await banner()) === status)

const head = async () => Number(await browser.page.locator('main').getAttribute('data-head'))

/** Waits until the page has shown more events than it has now. */
async function isFollowing(): Promise<void> {
  const before = await head()
  await until(async () => {
    await browser.page.clock.runFor(50)
    return (await head()) > before
  })
}

/** The statuses that the banner has shown, in order. */
async function recordBanner(): Promise<() => Promise<string[]>> {
  await browser.page.evaluate(`{
    const seen = (globalThis.seenStatuses = [])
    const note = () => {
      const status = document.querySelector('[role=status]')?.getAttribute('data-status')
      if (status && status !== seen.at(-1)) seen.push(status)
    }
    note()
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true })
  }`)
  return () => browser.page.evaluate('globalThis.seenStatuses')
}

interface Logged {
  events: { seq: number; type: string; data: { thought?: string; toolCallId?: string; text?: string } }[]
}

test('a page that follows through several kill -9 of the server shows every event exactly once', async () => {
  const producer = startProducer({ STEP_MS: '100', ROUNDS: '1000' })
  const address = await producer.address
  await browser.page.goto(address)
  await bannerSays('open')
  const statuses = await recordBanner()
  for (let kill = 1; kill <= kills; kill++) {
    await isFollowing()
    await server.end('SIGKILL')
    await bannerSays('reconnecting')
    server = await start()
    await bannerSays('open')
  }
  await isFollowing()
  producer.stop()
  const state = () => browser.page.locator('main').getAttribute('data-state')
  await until(async () => (await banner()) === 'closed' && (await state()) === 'completed')
  expect((await statuses()).join(' ')).toBe(`open ${'reconnecting open '.repeat(kills)}closed`)
  expect(await producer.exited).toBe(0)

  const runId = new URL(address).searchParams.get('run')
  const { events } = await server.json<Logged>(`/api/runs/${runId}/events?limit=1000`, {
    headers: { accept: 'application/json' },
  })
  const ofType = (type: string) => events.filter((event) => event.type === type)
  expect(await head()).toBe(events.length)
  const { page } = browser
  expect(await page.locator('[data-kind=thinking]').allTextContents()).toEqual(
    ofType('thinking').map(({ data }) => data.thought),
  )
  const calls = page.locator('[data-kind=call]')
  const attributes = (name: string) =>
    calls.evaluateAll((all, wanted) => all.map((one) => one.getAttribute(wanted)), name)
  expect(await attributes('data-call')).toEqual(ofType('tool:start').map(({ data }) => data.toolCallId))
  expect(new Set(await attributes('data-status'))).toEqual(new Set(['ok']))
  expect(await page.locator('[data-kind=text]').allTextContents()).toEqual([
    ofType('text:delta')
      .map(({ data }) => data.text)
      .join(''),
  ])
  expect(await page.locator('[data-phase]').evaluateAll((all) => all.map((one) => one.textContent))).toEqual([
    '● Look around: complete',
    '● Read every file: complete',
    '● Report: complete',
  ])
})

test('a page whose server is gone gives up after five attempts, and continues when asked once it is back', async () => {
  const { run } = await server.json<{ run: { id: string } }>(
    '/api/runs',
    post({ kind: 'external', title: 'Wait' }),
  )
  const say = (thought: string) =>
    server.call(
      `/api/runs/${run.id}/events`,
      post({ events: [{ type: 'thinking', data: { thought, iteration: 1 } }] }),
    )
  await say('before')
  const { page } = browser
  let attempts = 0
  page.on('request', (request) => {
    if (request.url().includes('/events')) attempts += 1
  })
  await page.goto(`${pageUrl}/?run=${run.id}`)
  await bannerSays('open')
  attempts = 0
  await server.end('SIGKILL')
  await bannerSays('failed')
  expect(attempts).toBe(5)
  expect(await page.locator('[data-kind=thinking]').allTextContents()).toEqual(['before'])

  server = await start()
  await say('after')
  await page.clock.runFor(120_000)
  expect(await banner()).toBe('failed')
  await page.getByRole('button', { name: 'Try again' }).click()
  await bannerSays('open')
  await until(async () => {
    await page.clock.runFor(50)
    return (await page.locator('[data-kind=thinking]').count()) === 2
  })
  expect(await page.locator('[data-kind=thinking]').allTextContents()).toEqual(['before', 'after'])
})

test('a page starts an agent on the server, and shows its plan, its steps and its end', async () => {
  const { page } = browser
  await page.goto(pageUrl)
  await page.getByLabel('What is to be done?').fill('Repair the failing test')
  await page.getByLabel('Project').selectOption('demo')
  await page.getByRole('button', { name: 'Start' }).click()
  await until(async () => (await page.locator('main.execution').count()) === 1)
  await until(async () => (await banner()) === 'closed')
  expect(await page.locator('main').getAttribute('data-state')).toBe('completed')
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Repair the failing test')
  expect(await page.locator('[data-phase][data-status=complete]').count()).toBeGreaterThan(1)
  expect(await page.locator('[data-kind=call]').count()).toBeGreaterThan(1)
})

interface Producer {
  /** Of its page. */
  address: Promise<string>
  stop: () => void
  exited: Promise<number | null>
}

function startProducer(env: Record<string, string>): Producer {
  const child: ChildProcess = spawn(process.execPath, [`${example}producer.ts`], {
    env: { ...process.env, PAGE_URL: pageUrl, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout === null) throw new Error('no pipe')
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await exited
  })
  const address = once(createInterface(child.stdout), 'line').then(([line]) => line as string)
  return { address, stop: () => void child.kill('SIGINT'), exited }
}
