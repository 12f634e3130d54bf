/** Questions of a real agent SDK with the scripted demo model, in two browsers. */
import { scratchFolder } from '@millrace/test-support/folders'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seriousProblems } from './support/axe.ts'
import { type Browser, openBrowser } from './support/browser.ts'

const [scratch, data] = [scratchFolder(), scratchFolder()]
const releases: (() => unknown)[] = [scratch.dispose, data.dispose]
let server: ServerProcess
let first: Browser
let second: Browser
beforeAll(async () => {
  server = await startServer({ cwd: scratch.path, dataDir: data.path, env: { ANTHROPIC_API_KEY: '' } })
  releases.push(() => server.end())
  first = await openBrowser()
  releases.push(first.close)
  second = await first.another({ width: 390, height: 844 })
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})

async function signIn(page: Page): Promise<void> {
  const { url } = await server.json<{ url: string }>('/api/login-codes', { method: 'POST' })
  await page.goto(url)
  await page.getByRole('navigation').waitFor()
}

const question = (page: Page) => page.getByRole('article', { name: 'Question: Bash' })

it('a session is started from the form; what it asks appears on every page of two browsers, and leaves them all with one answer', async () => {
  await signIn(first.page)
  await signIn(second.page)
  await second.page.goto(`${server.url}/runs`)
  const settings = await first.context.newPage()
  await settings.goto(`${server.url}/settings`)
  await settings.getByRole('heading', { name: 'Settings' }).waitFor()

  const { page } = first
  await page.keyboard.press('c')
  const dialog = page.getByRole('dialog', { name: 'New run' })
  await dialog.getByText('Agent session').click()
  expect(await dialog.getByLabel('Prompt').inputValue()).toBe('Fix the failing test')
  await dialog.getByText('More').click()
  await dialog.getByLabel('Approvals').selectOption('on')
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/)
  await page.getByRole('navigation').getByRole('link', { name: 'Inbox' }).click()

  await question(page).getByText('node --test').waitFor()
  await question(settings).getByText('node --test').waitFor()
  expect(await seriousProblems(page)).toEqual([])
  // A phone shows a bar, which opens.
  await second.page.getByRole('button', { name: /1 question/ }).click()
  await question(second.page).getByText('node --test').waitFor()
  expect(await seriousProblems(second.page)).toEqual([])
  for (const one of [page, settings, second.page]) {
    await expect.poll(() => one.title()).toMatch(/^\(1\)/)
    expect(await one.locator('link[rel=icon]').getAttribute('href')).toContain('f0a020')
  }
  await question(second.page).getByRole('button', { name: 'Allow', exact: true }).click()
  for (const one of [page, settings, second.page]) {
    await question(one).waitFor({ state: 'detached' })
    await expect.poll(() => one.title()).not.toMatch(/^\(1\)/)
  }
  const done = page.getByRole('region', { name: 'Done' })
  await done.getByRole('link', { name: 'Fix the failing test' }).getByText('completed').waitFor()
  await settings.close()
  expect([...first.complaints, ...second.complaints]).toEqual([])
})

it('the page of the session says what the demo is, shows what it did and changed, the same after a reload, and continues it', async () => {
  const { page } = first
  await page.getByRole('link', { name: 'Fix the failing test' }).first().click()
  await page.getByText('a fixed script, not an AI').first().waitFor()
  const conversation = page.getByRole('log').or(page.getByLabel('Conversation'))
  await conversation.getByText('All tests pass.').first().waitFor()
  await expect.poll(() => page.title()).toBe('Fix the failing test · completed · Millrace')
  expect(await seriousProblems(page)).toEqual([])
  await page.getByRole('tab', { name: /Files changed/ }).click()
  await page.getByText('src/duration.js').first().waitFor()
  await page.getByText('minutes >= hour').first().waitFor()
  expect(await seriousProblems(page)).toEqual([])
  await page.getByRole('tab', { name: 'Conversation' }).click()
  const live = await conversation.first().innerText()
  await page.reload()
  await conversation.getByText('All tests pass.').first().waitFor()
  await expect.poll(() => conversation.first().innerText()).toBe(live)

  // There is nothing left to repair: the conversation continues anyway.
  const before = page.url()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click()
  await page.waitForURL((url) => url.href !== before)
  await page.getByText(/^continues /).waitFor()
  await expect.poll(() => page.title()).toMatch(/ · completed · Millrace$/)
  await page.getByRole('navigation').getByRole('link', { name: 'Inbox' }).click()
  expect(first.complaints).toEqual([])
})

it('a question is denied with a reason, which reaches the log; an answer that comes too late says so', async () => {
  const { page } = first
  const { run } = await server.json<{ run: { id: string } }>(
    '/api/runs',
    post({ kind: 'session', project: 'demo', prompt: 'Fix the failing test', approvals: 'on' }),
  )
  await question(page).getByRole('button', { name: 'Deny…' }).click()
  await page.getByLabel('Why not').fill('not on a Friday')
  // The answer of somebody else overtakes this one.
  const held = Promise.withResolvers<void>()
  await page.route('**/approvals/*', async (route) => {
    await held.promise
    await route.fallback()
  })
  await page.keyboard.press('Enter')
  await question(second.page).getByRole('button', { name: 'Deny…' }).click()
  await second.page.getByLabel('Why not').fill('not on a Monday')
  await second.page.keyboard.press('Enter')
  await question(second.page).waitFor({ state: 'detached' })
  held.resolve()
  await question(page).waitFor({ state: 'detached' })
  await page.unrouteAll({ behavior: 'wait' })
  // The browser, too, remarks on the answer that came too late.
  await expect.poll(() => first.complaints.splice(0)).toEqual([expect.stringContaining('409')])
  const { events } = await server.json<{ events: { type: string; data: object }[] }>(
    `/api/runs/${run.id}/events?limit=10000`,
    { headers: { accept: 'application/json' } },
  )
  const resolved = events.filter(({ type }) => type === 'permission:resolved')
  expect(resolved.map(({ data: answer }) => answer)).toMatchObject([
    { decision: 'deny', by: 'person', message: 'not on a Monday' },
  ])
  // The project is taken until the session is over.
  const read = () => server.json<{ run: { state: string } }>(`/api/runs/${run.id}`)
  await until(async () => (await read()).run.state === 'completed')
})

/** Moves the focus from where it is, as somebody without a mouse does. */
async function tabTo(page: Page, name: string): Promise<void> {
  const focused = () => page.evaluate<string | undefined>('document.activeElement?.textContent')
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if ((await focused()) === name) return
  }
  throw new Error(`no press of Tab reached ${name}`)
}

it('by keyboard alone a command is changed before it is allowed, and what ran is what was written', async () => {
  const { page } = first
  await page.goto(server.url)
  const body = { kind: 'session', project: 'demo', prompt: 'Fix the failing test', approvals: 'on' }
  const { run } = await server.json<{ run: { id: string } }>('/api/runs', post(body))
  await question(page).waitFor()
  await tabTo(page, 'Edit…')
  await page.keyboard.press('Enter')
  // Back, the focus is where it was.
  await tabTo(page, 'Back')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  expect(await page.getByLabel('Command that runs instead').inputValue()).toContain('node --test')
  expect(await seriousProblems(page)).toEqual([])
  await page.keyboard.press('Control+a')
  await page.keyboard.type('echo changed by a person')
  await tabTo(page, 'Allow this instead')
  await page.keyboard.press('Enter')
  await question(page).waitFor({ state: 'detached' })
  await page.goto(`${server.url}/runs/${run.id}`)
  await page.getByText('changed by a person').first().waitFor()
})

it('an admin sees what the doctor says of the machine, and what is stored and old enough to delete', async () => {
  const { page } = first
  await page.goto(`${server.url}/settings`)
  await page.getByRole('button', { name: 'Check the server’s machine' }).click()
  await page.getByRole('list', { name: 'Checks' }).getByText(data.path).first().waitFor()
  const storage = page.getByRole('region', { name: 'Storage' })
  await storage.getByRole('meter', { name: 'What the runs of admin take' }).waitFor()
  await storage.getByText('30 days after their end').waitFor()
  await storage.getByRole('button', { name: 'What is old enough to delete?' }).click()
  await storage.getByText('Nothing.').waitFor()
  expect(await seriousProblems(page)).toEqual([])
  expect(first.complaints).toEqual([])
})
