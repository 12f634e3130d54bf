/** The page of a run over the real server: logs of any length, a conversation as it streams, a plan, and a restart. */
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Run } from '@millrace/protocol'
import { giveAway } from '@millrace/test-support/agents'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, quietPort, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seriousProblems } from './support/axe.ts'
import { type Browser, openBrowser } from './support/browser.ts'

const isFull = process.env.MILLRACE_TEST_FULL === '1'
const lines = isFull ? 1_000_000 : 40_000
/** The first line stands after `run:queued` and `run:started`. */
const seqOfLine = (line: number) => line + 2

const sample = fileURLToPath(new URL('../examples/sample-project/', import.meta.url))
const scratch = scratchFolder()
const dataDir = join(scratch.path, 'data')
const folder = (name: string) => join(scratch.path, name)
const config = {
  projects: { web: { path: folder('web') }, demo: { path: folder('demo') } },
  tools: {
    lines: {
      command: ['awk', `BEGIN { for (i = 1; i <= ${lines}; i++) print "\\033[32mok\\033[0m line " i }`],
    },
    colours: {
      command: [
        'printf',
        '::group::Install\\nfirst inside\\nlast inside\\n::endgroup::\\n\\033[1;31mbad\\033[0m \\033]8;;https://example.org\\033\\\\a link\\033]8;;\\033\\\\\\n',
      ],
    },
    screen: {
      tty: true,
      command: ['bash', '-c', 'for i in 10 50 100; do printf "\\r%3d%%" $i; done; echo; echo done'],
    },
    waits: { command: ['bash', '-c', 'echo waiting; sleep 600'] },
  },
  limits: { startsPerMinute: 6000 },
}

let server: ServerProcess
let browser: Browser
let port: number
const releases: (() => unknown)[] = [scratch.dispose]
const start = () => startServer({ cwd: folder('web'), dataDir, config, port, env: { ANTHROPIC_API_KEY: '' } })
const page = () => browser.page

beforeAll(async () => {
  for (const name of ['web', 'data']) mkdirSync(folder(name))
  cpSync(sample, folder('demo'), { recursive: true })
  for (const name of ['', 'src', 'src/duration.js', 'test']) giveAway(join(folder('demo'), name))
  // An agent works as an ordinary user, and must be able to reach its project.
  chmodSync(scratch.path, 0o755)
  port = await quietPort()
  server = await start()
  releases.push(() => server.end())
  browser = await openBrowser()
  releases.push(browser.close)
  const address = /http:\/\/\S+\/login\?code=\S+/.exec(server.log())?.[0]
  await page().goto(address ?? 'about:blank')
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})
beforeEach(() => {
  browser.complaints.length = 0
})

const startRun = async (body: object) => (await server.json<{ run: Run }>('/api/runs', post(body))).run.id
const job = (tool: string) => startRun({ kind: 'job', project: 'web', tool })
const record = async (id: string) => (await server.json<{ run: Run }>(`/api/runs/${id}`)).run
const over = (id: string) => until(async () => (await record(id)).finishedAt !== null)
const open = (id: string, then = '') => page().goto(`${server.url}/runs/${id}${then}`)
const log = () => page().getByRole('region', { name: 'Log' })
const row = (seq: number) => log().locator(`[data-seq="${seq}"]`)
const badge = (label: string) => page().locator('header').getByText(label, { exact: true }).waitFor()
const tab = (name: RegExp) => page().getByRole('tab', { name }).click()

describe('the log of a job', () => {
  let long: string
  beforeAll(async () => {
    long = await job('lines')
    await over(long)
  })

  it('a long log opens at its end, with a few hundred rows in the page, and scrolls to its first line', async () => {
    await open(long)
    await row(seqOfLine(lines)).getByText(`ok line ${lines}`).waitFor()
    const shownMs = Number(await page().evaluate('performance.now()'))
    if (isFull) console.log(`the end of ${lines} lines was shown after ${Math.round(shownMs)} ms`)
    expect(await log().locator('[data-seq]').count()).toBeLessThan(200)
    await log().focus()
    await page().keyboard.press('Home')
    await row(seqOfLine(1)).getByText('ok line 1', { exact: true }).waitFor()
    await page()
      .getByRole('button', { name: /^Jump to the end/ })
      .click()
    await row(seqOfLine(lines)).waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('a search finds a line in the middle, and a link to a line opens there', async () => {
    const middle = lines / 2 + 7
    await open(long)
    await row(seqOfLine(lines)).waitFor()
    await page().keyboard.press('/')
    await page().keyboard.type(`line ${middle}`)
    await row(seqOfLine(middle)).getByText(`line ${middle}`).waitFor()
    await page().getByText('1/1').waitFor()
    expect(await row(seqOfLine(middle)).locator('.log-match').innerText()).toBe(`line ${middle}`)

    await open(long, `#${seqOfLine(4321)}`)
    await page().reload()
    await row(seqOfLine(4321)).getByText('line 4321').waitFor()
    await row(seqOfLine(4330)).getByRole('link').click()
    expect(new URL(page().url()).hash).toBe(`#${seqOfLine(4330)}`)
  })

  it('colours, links and groups are shown as what they are', async () => {
    await open(await job('colours'))
    const bad = log().getByText('bad', { exact: true })
    await bad.waitFor()
    expect(await bad.getAttribute('class')).toContain('ansi-1')
    expect(await log().getByRole('link', { name: 'a link' }).getAttribute('href')).toBe('https://example.org')
    const group = log().getByRole('button', { name: 'Install' })
    await group.click()
    await expect.poll(() => log().getByText('inside').count()).toBe(0)
    await group.click()
    await log().getByText('last inside').waitFor()
    await page().getByRole('button', { name: 'Timestamps' }).click()
    expect(await log().locator('.log-time').first().innerText()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/)
    expect(await seriousProblems(page())).toEqual([])
    expect(browser.complaints).toEqual([])
  })

  it('a job with a terminal shows its screen', async () => {
    await open(await job('screen'))
    const screen = page().getByRole('region', { name: 'Terminal' })
    await screen.getByText('done').waitFor()
    expect((await screen.innerText()).trim().split('\n')).toEqual(['100%', 'done'])
    expect(browser.complaints).toEqual([])
  })

  it('a job is followed live, aborted, and started again', async () => {
    const id = await job('waits')
    await open(id)
    await log().getByText('waiting').waitFor()
    await badge('running')
    await page().getByRole('button', { name: 'Abort' }).click()
    await badge('aborted')
    await page().getByRole('button', { name: 'Retry' }).click()
    await badge('running')
    await page()
      .getByText(`retry of ${id.slice(0, 8)}`)
      .waitFor()
    await page().getByRole('button', { name: 'Abort' }).click()
    await badge('aborted')
  })
})

describe('an agent', () => {
  it('a session is followed through a reload and a restart, resumed, and shows what it changed', async () => {
    const id = await startRun({ kind: 'session', project: 'demo', prompt: 'Fix the failing test' })
    await open(id)
    const talk = page().getByRole('region', { name: 'Conversation' })
    await talk.getByText('Fix the failing test').waitFor()
    await talk.getByRole('article').first().waitFor()
    await page().reload()
    await talk.getByRole('article').first().waitFor()
    await server.end()
    server = await start()
    await badge('interrupted')

    await page().getByLabel('Continue with a message').fill('Go on')
    await page().keyboard.press('Enter')
    await page().waitForURL((url) => !url.pathname.endsWith(id))
    await badge('completed')
    await talk.getByText('All tests pass').waitFor()
    expect(await seriousProblems(page())).toEqual([])
    await tab(/Files changed/)
    const file = page().getByRole('article').filter({ hasText: 'src/duration.js' })
    await file.getByText('minutes >= hour').first().waitFor()
    expect(await seriousProblems(page())).toEqual([])
    await tab(/Events/)
    await log().getByText('result', { exact: true }).first().waitFor()
  })

  it('a plan lights up, events of any type are shown, and the timeline shows the run as it was', async () => {
    const id = await startRun({ kind: 'external', title: 'Nightly import' })
    const send = (...events: { type: string; data: object }[]) =>
      server.call(`/api/runs/${id}/events`, post({ events }))
    const phases = ['Read', 'Write'].map((name) => ({ id: name, name, status: 'pending' }))
    const say = (text: string) => ({ type: 'text:delta', data: { messageId: 'm', text } })
    await open(id)
    await send(
      { type: 'plan:created', data: { plan: { goal: 'All in the shop', phases } } },
      { type: 'phase:start', data: { phaseId: 'Read', phaseName: 'Read', phaseIndex: 0 } },
      { type: 'import:file_opened', data: { message: 'catalogue.csv' } },
      say('**Half'),
    )
    const plan = page().getByRole('region', { name: 'Plan' })
    await plan.getByText('Read, at work').waitFor()
    await page().locator('strong', { hasText: 'Half' }).waitFor()
    await page().getByText('Import: file opened').waitFor()

    await server.end('SIGKILL')
    server = await start()
    await send(
      say(' done**'),
      { type: 'phase:complete', data: { phaseId: 'Read', phaseName: 'Read' } },
      { type: 'phase:start', data: { phaseId: 'Write', phaseName: 'Write', phaseIndex: 1 } },
    )
    await page().locator('strong', { hasText: 'Half done' }).waitFor()
    await plan.getByText('Write, at work').waitFor()

    await page().getByRole('button', { name: 'Timeline' }).click()
    const event = page().getByRole('slider', { name: 'Event' })
    await expect.poll(() => event.getAttribute('max')).toBe('9')
    await event.fill('4')
    await plan.getByText('Write, not begun').waitFor()
    await expect.poll(() => page().locator('strong', { hasText: 'Half' }).count()).toBe(0)
    expect(await seriousProblems(page())).toEqual([])
    await page().getByRole('button', { name: 'Back to now' }).click()
    await plan.getByText('Write, at work').waitFor()
    await server.call(`/api/runs/${id}/finish`, post({ state: 'completed' }))
    await badge('completed')
  })

  it('a link to an event opens a long conversation there, and leads back to its end', async () => {
    const id = await startRun({ kind: 'external', title: 'A long one' })
    for (let sent = 0; sent < 1200; sent += 400) {
      const events = Array.from({ length: 400 }, (_, index) => ({
        type: 'thinking',
        data: { thought: `thought ${sent + index}`, iteration: 1 },
      }))
      await server.call(`/api/runs/${id}/events`, post({ events }))
    }
    const items = page().getByRole('region', { name: 'Conversation' }).locator('[data-key]')
    const seq = (await record(id)).head - 1000
    await open(id, `#${seq}`)
    await items.locator(`xpath=self::*[@data-key="${seq}"]`).waitFor()
    await expect.poll(() => page().locator('.item-target').getAttribute('data-key')).toBe(`${seq}`)
    expect(await items.count()).toBeLessThan(200)
    await page().getByRole('button', { name: 'Newest' }).click()
    await items.getByText('thought 1199').first().waitFor()
    expect(new URL(page().url()).hash).toBe('')
    await server.call(`/api/runs/${id}/finish`, post({ state: 'completed' }))
  })

  it('a run that does not exist says so', async () => {
    await open('00000000-0000-4000-8000-000000000000')
    await page().getByText('There is no such run').waitFor()
  })
})

/** Milliseconds of the main thread's tasks over 50 ms since the page was opened. */
const recordTasks = `{
  globalThis.longTasks = []
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longTasks.push(Math.round(duration))
  }).observe({ type: 'longtask', buffered: true })
}`

it.runIf(isFull)('a run of 2,500 items opens at its end, with the items in view alone', async () => {
  const id = await startRun({ kind: 'external', title: 'A long one' })
  const events = Array.from({ length: 2500 }, (_, index) => {
    const toolCallId = `c${index}`
    const text = `## Part ${index}\n\nSome **words**.\n\n\`\`\`ts\nconst a = ${index}\n\`\`\`\n`
    const result = 'ok\n'.repeat(30)
    return index % 2 === 0
      ? [{ type: 'text:delta', data: { messageId: `m${index}`, text } }]
      : [
          { type: 'tool:start', data: { toolCallId, toolName: 'Bash', params: { command: 'npm test' } } },
          { type: 'tool:complete', data: { toolCallId, toolName: 'Bash', result, status: 'ok' } },
        ]
  }).flat()
  for (let sent = 0; sent < events.length; sent += 500)
    await server.call(`/api/runs/${id}/events`, post({ events: events.slice(sent, sent + 500) }))
  await server.call(`/api/runs/${id}/finish`, post({ state: 'completed' }))
  await page().addInitScript(recordTasks)
  await open(id)
  await badge('completed')
  await page().getByText('Part 2498').waitFor()
  const tasks = await page().evaluate<number[]>('globalThis.longTasks')
  console.log(`a run of 2,500 items: tasks over 50 ms, in ms: ${tasks.join(' ') || 'none'}`)
  const items = page().getByRole('region', { name: 'Conversation' }).locator('[data-key]')
  expect(await items.count()).toBeLessThan(200)
  expect(browser.complaints).toEqual([])
})

it.runIf(isFull)(
  '5,000 pieces of text that arrive one by one end as they do on a page that is opened later',
  async () => {
    const id = await startRun({ kind: 'external', title: 'A long answer' })
    await page().addInitScript(recordTasks)
    await open(id)
    const text =
      '## A title\n\nSome **words** and `code`, then a paragraph that goes on for a while.\n\n- a\n- b\n\n'
    for (let sent = 0; sent < 5000; sent += 50) {
      const events = Array.from({ length: 50 }, (_, index) => {
        const at = ((sent + index) * 12) % text.length
        return {
          type: 'text:delta',
          data: { messageId: `m${Math.floor(sent / 500)}`, text: (text + text).slice(at, at + 12) },
        }
      })
      await server.call(`/api/runs/${id}/events`, post({ events }))
    }
    await server.call(`/api/runs/${id}/finish`, post({ state: 'completed' }))
    await badge('completed')
    const tasks = await page().evaluate<number[]>('globalThis.longTasks')
    console.log(`tasks of the main thread over 50 ms, in ms: ${tasks.join(' ') || 'none'}`)
    const later = await browser.context.newPage()
    await later.goto(page().url())
    const end = (on: Page) =>
      on.getByRole('region', { name: 'Conversation' }).locator('.markdown').last().innerText()
    // Text is drawn at a pace: what was streamed may still arrive.
    await expect.poll(async () => (await end(page())) === (await end(later))).toBe(true)
    await later.close()
    expect(browser.complaints).toEqual([])
  },
)

/** As Lighthouse counts: painted is the first content, interactive the end of the last long task. */
const loadFigures = `(() => {
  const [page] = performance.getEntriesByType('navigation')
  const files = performance.getEntriesByType('resource').filter(({ name }) => /\\.(?:js|css)$/.test(name))
  const paint = performance.getEntriesByName('first-contentful-paint')[0].startTime
  return {
    paintMs: Math.round(paint),
    interactiveMs: Math.round(Math.max(paint, page.domInteractive, ...globalThis.longTaskEnds)),
    bytes: [page, ...files].reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  }
})()`
const recordTaskEnds = `{
  globalThis.longTaskEnds = []
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) globalThis.longTaskEnds.push(startTime + duration)
  }).observe({ type: 'longtask', buffered: true })
}`

it.runIf(isFull)('a browser that was never here loads the inbox in 200 kB at most', async () => {
  const other = await browser.another()
  try {
    const { url } = await server.json<{ url: string }>('/api/login-codes', { method: 'POST' })
    await other.page.addInitScript(recordTaskEnds)
    await other.page.goto(url)
    await other.page.getByRole('navigation').waitFor()
    await other.page.getByRole('region', { name: 'Done' }).waitFor()
    const figures = await other.page.evaluate<{ bytes: number; paintMs: number; interactiveMs: number }>(
      loadFigures,
    )
    console.log(`the first load of the inbox: ${JSON.stringify(figures)}`)
    expect(figures.bytes).toBeGreaterThan(50_000)
    expect(figures.bytes).toBeLessThan(200_000)
  } finally {
    await other.close()
  }
})
