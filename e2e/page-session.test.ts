import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as log from '../packages/server/test/cli/session-log.ts'
import { type Browser, openBrowser } from './support/browser.ts'
import { openPageServer, type PageServer } from './support/page-server.ts'

let server: PageServer
let browser: Browser
const releases: (() => unknown)[] = []
beforeAll(async () => {
  browser = await openBrowser()
  releases.push(() => browser.close())
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})
const demo = { available: true, demo: true }

async function openWith(agent: object) {
  // A client still following the last one would report its end as an error.
  await page().goto('about:blank')
  await server?.close()
  server = await openPageServer(agent)
  await page().goto(server.url)
}
beforeEach(async () => {
  browser.complaints.length = 0
  await openWith(demo)
})
releases.push(() => server?.close())

const page = () => browser.page
const entries = () => page().locator('#log .entry')
const state = (label: string) => page().locator('#head .state', { hasText: label }).waitFor()
const runId = () => new URL(page().url()).hash.slice(1)
const letters = (text: string) => text.split('')

/** Starts the session that the form proposes. */
async function startSession(): Promise<void> {
  await page().getByRole('button', { name: 'Start session' }).click()
  await state('running')
}

/** Says that it ended, in the log and in its record. */
function end(name: 'completed' | 'aborted' | 'interrupted' | 'errored', change: object = {}) {
  server.change({ state: name, finishedAt: Date.now() })
  server.say(log.ended(name, change))
}

describe('the page with agent sessions', () => {
  it('the page offers the demo as a demo, with something to do', async () => {
    await page().getByRole('heading', { name: 'Agent session (scripted demo model)' }).waitFor()
    expect(await page().locator('#ask [name=project]').inputValue()).toBe('demo')
    expect(await page().getByLabel('Prompt').inputValue()).toBe('Fix the failing test')
    await page().selectOption('#ask [name=project]', 'web')
    expect(await page().getByLabel('Prompt').inputValue()).toBe('')
    await page().getByLabel('Prompt').fill('My own')
    await page().selectOption('#ask [name=project]', 'demo')
    expect(await page().getByLabel('Prompt').inputValue()).toBe('My own')
    expect(browser.complaints).toEqual([])
  })

  it('the page says why no session can start, and shows none where there are none', async () => {
    await openWith({ available: false, demo: false, reason: 'There is no sandbox.' })
    await page().getByText('There is no sandbox.').waitFor()
    expect(await page().getByRole('button', { name: 'Start session' }).isDisabled()).toBe(true)
    expect(await page().locator('#ask h2').innerText()).toBe('Agent session')
  })

  it('the page shows a session as it runs: text letter by letter, calls, results, the end', async () => {
    await page().getByLabel('Approvals').selectOption('on')
    await startSession()
    expect(server.calls).toEqual([
      {
        method: 'POST',
        path: '/api/runs',
        body: { kind: 'session', project: 'demo', prompt: 'Fix the failing test', approvals: 'on' },
      },
    ])
    const all = log.answer(
      [log.thinking('Hm.'), log.text('<b>I run</b> it.'), log.call('Bash', { command: 'npm test' })],
      letters,
    )
    server.say(log.init, ...all.slice(0, 12))
    await entries()
      .filter({ hasText: /^<b>I$/ })
      .waitFor()
    server.say(...all.slice(12))
    await entries()
      .filter({ hasText: /^<b>I run<\/b> it\.$/ })
      .waitFor()
    await page().locator('.call', { hasText: 'npm test' }).getByText('running').waitFor()
    server.say(log.results('\u001b[31mfail 1\u001b[0m', true))
    await page().locator('.call').getByText('failed').waitFor()
    expect(await page().locator('.call pre').innerText()).toBe('fail 1')
    server.say(log.result())
    end('completed')
    await state('completed')
    await page().getByText('The session completed.').first().waitFor()
    expect(await entries().allInnerTexts()).toEqual([
      'Fix the failing test',
      'Model model-1',
      'Hm.',
      '<b>I run</b> it.',
      expect.stringContaining('npm test'),
      '2 turns · $0.0123 · 3.2 s',
    ])
    expect(await page().locator('#runs .tool').allInnerTexts()).toEqual(['Fix the failing test'])
    expect(browser.complaints).toEqual([])
  })

  // Failed before: the part shown below the log of a finished session hid its last lines.
  it('the page keeps the newest entry in sight, even when its room shrinks', async () => {
    await startSession()
    server.say(...Array.from({ length: 60 }, (_, index) => log.whole([log.text(`text ${index}`)])))
    const last = entries().getByText('text 59', { exact: true })
    await last.waitFor()
    end('completed')
    await page().getByRole('button', { name: 'Resume' }).waitFor()
    const inSight = async () => {
      const [entry, list] = [await last.boundingBox(), await page().locator('#log').boundingBox()]
      return entry !== null && list !== null && entry.y + entry.height <= list.y + list.height
    }
    await expect.poll(inSight).toBe(true)
    await page().locator('#log').focus()
    await page().keyboard.press('Home')
    await expect.poll(inSight).toBe(false)
  })

  it('the page names the scripted demo model when that answers', async () => {
    await startSession()
    server.say(log.whole([log.text('x')], null, 'scripted-demo-model'))
    await page().locator('#title', { hasText: 'scripted demo model' }).waitFor()
    await entries().getByText('a fixed script, not an AI').waitFor()
    end('completed')
    await state('completed')
    expect(await page().locator('#title').innerText()).toBe('Agent session (scripted demo model)')
  })

  it('the page asks, sends an answer given by keyboard, and the log shows the result', async () => {
    await startSession()
    server.say(log.asked('q1', 'eval "$X"\u202e'))
    const question = page().getByRole('region', { name: 'The agent asks to run Bash' })
    await question.waitFor()
    expect(await question.locator('pre').innerText()).toBe('eval "$X"\\u{202e}')
    expect(await page().locator('#announce').innerText()).toBe('The agent asks to run Bash: Why.')
    await question.getByRole('button', { name: 'Allow' }).focus()
    await page().keyboard.press('Enter')
    await expect
      .poll(() => server.calls.at(-1))
      .toEqual({
        method: 'POST',
        path: expect.stringMatching(/\/approvals\/q1$/),
        body: { decision: 'allow' },
      })
    server.say(log.resolved('q1'))
    await entries().getByText('Allowed by ann: Bash eval').waitFor()
    expect(await question.count()).toBe(0)
    expect(await page().evaluate('document.activeElement.id')).toBe('log')
    expect(browser.complaints).toEqual([])
  })

  it('the page shows open questions after a reload, but no answered ones; a denial may give a reason', async () => {
    await startSession()
    server.say(log.asked('q1', 'one'), log.asked('q2', 'two'), log.resolved('q1', { decision: 'deny' }))
    await page().locator('.question').waitFor()
    await page().reload()
    const question = page().locator('.question')
    await question.getByText('two').waitFor()
    expect(await question.count()).toBe(1)
    server.refuseOnce(`/api/runs/${runId()}/approvals/q2`, 503, 'Not now')
    await question.getByLabel('Message to the agent').fill('Use npm')
    await question.getByRole('button', { name: 'Deny' }).click()
    await page().getByText('Not now').waitFor()
    await question.getByRole('button', { name: 'Deny' }).click()
    await expect.poll(() => server.calls.at(-1)?.body).toEqual({ decision: 'deny', message: 'Use npm' })
    await expect.poll(() => question.getByRole('button', { name: 'Allow' }).isDisabled()).toBe(true)
    end('aborted')
    await state('aborted')
    await expect.poll(() => question.count()).toBe(0)
  })

  it('the page aborts, retries and resumes a session', async () => {
    await startSession()
    await page().getByRole('button', { name: 'Abort' }).click()
    end('interrupted', { error: 'The server is shutting down' })
    await page()
      .locator('#end', { hasText: 'The session was interrupted: The server is shutting down' })
      .waitFor()
    await page().getByLabel('Continue with').fill('the docs')
    await page().getByRole('button', { name: 'Resume' }).click()
    await state('running')
    expect(await page().getByRole('button', { name: 'Resume' }).isVisible()).toBe(false)
    end('errored', { reason: 'error_max_turns' })
    await state('errored')
    await page().getByRole('button', { name: 'Resume' }).click()
    await state('running')
    end('completed')
    await page().getByRole('button', { name: 'Retry' }).click()
    await state('running')
    const made = server.calls.map(({ path, body }) => [path.split('/').at(-1), body])
    expect(made.slice(1)).toEqual([
      ['abort', undefined],
      ['resume', { prompt: 'the docs' }],
      ['resume', {}],
      ['retry', undefined],
    ])
  })

  it('the page needs no deltas of a finished session, and keeps only the newest entries of a long one', async () => {
    await startSession()
    const many = Array.from({ length: 700 }, (_, index) => log.whole([log.text(`text ${index}`)]))
    server.say(...log.answer([log.text('begin')], letters), ...many)
    await entries().getByText('text 699', { exact: true }).waitFor()
    expect(await entries().count()).toBe(600)
    expect(await page().locator('#cut').innerText()).toContain('103 before them')
    end('completed')
    await state('completed')
    await page().reload()
    await entries().getByText('text 699', { exact: true }).waitFor()
    expect(server.streams).toEqual(['', expect.stringMatching(/^types=(?!.*stream_event)/)])
  })

  it('the page resumes where it was when the connection breaks in the middle of a text', async () => {
    await startSession()
    const all = log.answer([log.text('Hello, world')], letters)
    server.say(...all.slice(0, 6))
    await entries().getByText('Hell', { exact: true }).waitFor()
    server.cut()
    server.say(...all.slice(6))
    await entries().getByText('Hello, world', { exact: true }).waitFor()
    expect(await entries().count()).toBe(3)
  })
})
