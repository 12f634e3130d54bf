/** What the page shows of a session that ended, was answered elsewhere, or is read on a phone. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as log from '../packages/server/test/cli/session-log.ts'
import { type Browser, openBrowser } from './support/browser.ts'
import { openPageServer, type PageServer } from './support/page-server.ts'

let server: PageServer
let browser: Browser
const releases: (() => unknown)[] = [() => server?.close()]
beforeAll(async () => {
  browser = await openBrowser()
  releases.push(() => browser.close())
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})
beforeEach(async () => {
  // A client still following the last one would report its end as an error.
  await page().goto('about:blank')
  await server?.close()
  server = await openPageServer({ available: true, demo: true })
  await page().setViewportSize({ width: 1280, height: 800 })
  await page().goto(server.url)
})

const page = () => browser.page
const state = (label: string) => page().locator('#head .state', { hasText: label }).waitFor()
const runPath = () => `/api/runs/${new URL(page().url()).hash.slice(1)}`

async function startSession(): Promise<void> {
  await page().getByRole('button', { name: 'Start session' }).click()
  await state('running')
}

function end(name: 'completed' | 'aborted' | 'interrupted', change: object = {}) {
  server.change({ state: name, finishedAt: Date.now() })
  server.say(log.ended(name, change))
}

describe('the page when a session is over', () => {
  // Failed before: it stayed "running", without a way to resume, until the page was loaded again.
  it('the page offers to resume once a server that was away answers again, and drops the warning', async () => {
    await startSession()
    await page().route(`**${runPath()}`, (route) => route.abort(), { times: 1 })
    end('interrupted')
    await page().getByText('The server is not responding.').waitFor()
    await state('interrupted')
    await page().getByRole('button', { name: 'Resume' }).waitFor()
    await page().getByRole('button', { name: 'Retry' }).waitFor()
    expect(await page().getByRole('button', { name: 'Abort' }).isVisible()).toBe(false)
    await page().locator('#problem').waitFor({ state: 'hidden' })
  })

  it('the page shows what a session changed, with a diff for each file', async () => {
    await startSession()
    const command = log.whole([log.call('Bash', { command: 'npm test' })])
    server.say(log.init, command, log.wrote('/project/src/<b>.txt', 'one\ntwo\n'))
    expect(await page().locator('#changes').isVisible()).toBe(false)
    end('completed')
    await page().getByText('1 file changed (+2 −0), 1 command').click()
    await page().locator('#changes code', { hasText: 'src/<b>.txt' }).click()
    expect(await page().locator('#changes pre .added').allInnerTexts()).toEqual(['+one\n', '+two\n'])
    await page().reload()
    await page().getByText('1 file changed (+2 −0), 1 command').waitFor()
  })

  // Failed before: the next event of the session took it away.
  it('the page keeps the reason why an answer came too late in sight', async () => {
    await startSession()
    server.say(log.asked('q1', 'one'))
    server.refuseOnce(`${runPath()}/approvals/q1`, 409, 'It was answered by ann already')
    await page().getByRole('button', { name: 'Allow' }).click()
    await page().getByText('It was answered by ann already').waitFor()
    server.say(log.resolved('q1', { decision: 'deny' }))
    end('completed')
    await state('completed')
    expect(await page().getByText('It was answered by ann already').isVisible()).toBe(true)
  })

  // Failed before: "running", for good.
  it('the page shows what a call waits for, and that it never finished', async () => {
    await startSession()
    server.say(log.init, log.whole([log.call('Bash', { command: 'npm $X' })]))
    const how = (text: string) => page().locator('.call .how', { hasText: text }).waitFor()
    await how('running')
    server.say(log.asked('q1', 'npm $X'))
    await how('asks')
    server.say(log.resolved('q1'))
    await how('running')
    end('interrupted')
    await how('not finished')
  })

  // Failed before: the button that had it was gone, and the next Tab began at the top of the page.
  it('the page keeps the keyboard focus within the session', async () => {
    await startSession()
    const focused = () => page().evaluate('document.activeElement.id')
    await page().getByRole('button', { name: 'Abort' }).focus()
    await page().keyboard.press('Enter')
    end('aborted')
    await state('aborted')
    expect(await focused()).toBe('log')
    await page().getByRole('button', { name: 'Retry' }).focus()
    await page().keyboard.press('Enter')
    await state('running')
    expect(await focused()).toBe('log')
  })

  // Failed before: a Tab for every run of the list stood between a keyboard user and a question.
  it('the page has a way past the list, to the question if there is one', async () => {
    await startSession()
    const focused = () => page().evaluate('document.activeElement.id')
    const skip = async () => {
      await page().getByRole('button', { name: 'Skip to the open run' }).focus()
      await page().keyboard.press('Enter')
    }
    await skip()
    expect(await focused()).toBe('log')
    server.say(log.asked('q1', 'one'))
    await page().locator('.question').waitFor()
    await skip()
    await page().keyboard.press('Tab')
    await page().keyboard.press('Enter')
    await expect.poll(() => server.calls.at(-1)?.body).toEqual({ decision: 'allow' })
  })

  // Failed before: "The session is interrupted: Interrupted: …".
  it('the page says once how a session ended', async () => {
    await startSession()
    end('interrupted', { reason: 'shutdown', error: 'Interrupted: the server is shutting down' })
    await state('interrupted')
    expect(await page().locator('#end').innerText()).toBe('Interrupted: the server is shutting down')
  })
})

describe('the page on a phone', () => {
  // Failed before: the end of the reason and of the command were cut off.
  it('the page on a phone shows a question in full width, with its answers', async () => {
    await startSession()
    server.say(log.asked('q1', `echo ${'word '.repeat(30)}`))
    await page().locator('.question').waitFor()
    await page().setViewportSize({ width: 360, height: 740 })
    const hidden = await page()
      .locator('#questions')
      .evaluate((box) => {
        const { scrollWidth, clientWidth } = box as unknown as { scrollWidth: number; clientWidth: number }
        return scrollWidth - clientWidth
      })
    expect(hidden).toBe(0)
  })

  // Failed before: the forms took all the room there was.
  it('the page on a phone shows the newest run below the forms', async () => {
    await startSession()
    await page().setViewportSize({ width: 360, height: 600 })
    const side = await page().locator('#side').boundingBox()
    const newest = await page().locator('#runs li').first().boundingBox()
    const inside = side && newest && newest.y + newest.height <= side.y + side.height
    expect(inside).toBe(true)
  })
})

describe('the form of a session', () => {
  // Failed before: where the configuration lets it ask, a box that was not checked could not keep it from asking.
  it('the form leaves approvals to the configuration, or turns them on or off', async () => {
    for (const approvals of [undefined, 'on', 'off']) {
      await page().goto(server.url)
      await page().reload()
      await page()
        .getByLabel('Approvals')
        .selectOption(approvals ?? '')
      await startSession()
      const { body } = server.calls.at(-1) ?? {}
      expect(body).toEqual({
        ...{ kind: 'session', project: 'demo', prompt: 'Fix the failing test' },
        ...(approvals && { approvals }),
      })
    }
  })
})
