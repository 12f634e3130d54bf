/** The demo as a user without a key meets it: the program, a browser, the real agent SDK, real tools. */
import { scratchFolder } from '@millrace/test-support/folders'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'

const [scratch, data] = [scratchFolder(), scratchFolder()]
const releases: (() => unknown)[] = [scratch.dispose, data.dispose]
let server: ServerProcess
let browser: Browser
beforeAll(async () => {
  server = await startServer({ cwd: scratch.path, dataDir: data.path, env: { ANTHROPIC_API_KEY: '' } })
  releases.push(() => server.end())
  browser = await openBrowser()
  releases.push(browser.close)
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})

it('the page starts the demo session, which says what it is and repairs the test of its project', async () => {
  const { page } = browser
  await page.goto(/http:\/\/\S+\/login\?code=\S+/.exec(server.log())?.[0] ?? '')
  await page.getByRole('heading', { name: 'Agent session (scripted demo model)' }).waitFor()
  await page.getByRole('button', { name: 'Start session' }).click()
  await page.locator('#log .note', { hasText: 'a fixed script, not an AI' }).waitFor()
  await page.locator('.call.failed', { hasText: 'npm test' }).waitFor()
  await page.locator('#log').getByText('All tests pass.').waitFor()
  await page.locator('#head .state', { hasText: 'completed' }).waitFor()
  const live = await page.locator('#log .entry').allInnerTexts()
  await page.getByText('1 file changed (+2 −2), 2 commands (1 failed)').click()
  await page.locator('#changes code', { hasText: 'src/duration.js' }).click()
  await page.locator('#changes pre .added', { hasText: 'minutes >= hour' }).first().waitFor()
  await page.reload()
  await page.locator('#log').getByText('All tests pass.').waitFor()
  await expect.poll(() => page.locator('#log .entry').allInnerTexts()).toEqual(live)
  expect(browser.complaints).toEqual([])

  // There is nothing left to repair: the conversation continues anyway.
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.locator('#facts').getByText('resumes').waitFor()
  await page.locator('#head .state', { hasText: 'completed' }).waitFor()
  expect(browser.complaints).toEqual([])
})

it.each(['Allow', 'Deny'])(
  'a new session finds the demo project fresh, asks once, and repairs it after %s',
  async (answer) => {
    const { page } = browser
    await page.selectOption('#ask select[name=approvals]', 'on')
    await page.getByRole('button', { name: 'Start session' }).click()
    await page.locator('#questions').getByRole('button', { name: answer, exact: true }).click()
    await page.locator('#log').getByText('All tests pass. `formatDuration`').waitFor()
    await page.locator('#head .state', { hasText: 'completed' }).waitFor()
    await expect.poll(() => page.locator('.call.failed', { hasText: 'npm test' }).count()).toBe(1)
    expect(browser.complaints).toEqual([])
  },
)
