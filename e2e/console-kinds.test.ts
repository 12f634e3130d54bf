/**
 * One run of each kind, open in a tab of its own: started from the form, reloaded in the middle, and the server killed in the
 * middle. Then questions as notifications, while no page is open.
 */
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type AgentPlace, agentPlace, giveAway } from '@millrace/test-support/agents'
import { newPushBrowser } from '@millrace/test-support/push-browser'
import { post, quietPort, type ServerProcess } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { git } from '@millrace/test-support/workspace'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { seriousProblems } from './support/axe.ts'
import { type Browser, openBrowser } from './support/browser.ts'

/** The first half of an answer arrives when it is released, and the second never. */
const halfSaid = (name: string) => ({
  when: { turn: 1, prompt: `Begin the ${name}` },
  reply: {
    content: [{ type: 'text' as const, text: [`Half of the ${name}`, ', and the rest'], hold: name }],
  },
})
const choice = {
  questions: [
    {
      question: 'Which database?',
      header: 'Database',
      multiSelect: false,
      options: [
        { label: 'Postgres', description: 'What production has' },
        { label: 'SQLite', description: 'One file' },
      ],
    },
  ],
}
const script = {
  name: 'half an answer',
  steps: [
    {
      when: { text: 'Continue, please' },
      reply: { content: [{ type: 'text' as const, text: 'All of it.' }] },
    },
    {
      when: { turn: 1, prompt: 'Ask somebody' },
      reply: {
        content: [{ type: 'tool_use' as const, name: 'Bash', input: { command: '$(echo mkdir) asked' } }],
      },
    },
    {
      when: { turn: 1, prompt: 'Choose a database' },
      reply: { content: [{ type: 'tool_use' as const, name: 'AskUserQuestion', input: choice }] },
    },
    {
      when: { toolResult: { text: 'SQLite' } },
      reply: {
        content: [
          { type: 'tool_use' as const, name: 'Bash', input: { command: 'echo SQLite > database.txt' } },
        ],
      },
    },
    { when: { toolResult: {} }, reply: { content: [{ type: 'text' as const, text: 'It was answered.' }] } },
    halfSaid('session'),
    halfSaid('execution'),
  ],
}
const kinds = ['job', 'session', 'execution', 'external'] as const
type Kind = (typeof kinds)[number]

/** A push service: what it was sent, decrypted as the browser of the test does it. */
const pushed: { type: string; approvalId: string }[] = []
const pushBrowser = newPushBrowser()
const pushService = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  pushed.push(JSON.parse(pushBrowser.read(Buffer.concat(chunks))))
  response.writeHead(201).end()
})
let pushOrigin: string
let place: AgentPlace
let server: ServerProcess
let browser: Browser
let port: number
const tabs = {} as Record<Kind, Page>
const releases: (() => unknown)[] = []
const start = () => place.start({ port })

beforeAll(async () => {
  await once(pushService.listen(0, '127.0.0.1'), 'listening')
  releases.push(() => pushService.close())
  pushOrigin = `http://127.0.0.1:${(pushService.address() as AddressInfo).port}`
  place = await agentPlace({
    script,
    projects: ['job', 'session', 'execution', 'git'],
    config: {
      agents: { elsewhere: { command: ['no-such-agent'] } },
      tools: { waits: { command: ['bash', '-c', 'echo Half of the job; sleep 600'], projects: ['job'] } },
      policy: { unreadableBash: 'ask', approvals: 'off' },
      push: { services: [pushOrigin] },
    },
  })
  releases.push(() => place.dispose())
  beginRepository(place.project('git'))
  port = await quietPort()
  server = await start()
  browser = await openBrowser()
  releases.push(browser.close)
  const address = /http:\/\/\S+\/login\?code=\S+/.exec(server.log())?.[0]
  await browser.page.goto(address ?? 'about:blank')
  await browser.page.getByRole('navigation').waitFor()
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})
beforeEach(() => {
  browser.complaints.length = 0
})

function beginRepository(folder: string): void {
  git(folder, 'init', '--quiet', '--initial-branch=main')
  writeFileSync(join(folder, 'README'), 'read me\n')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '-m', 'first')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) giveAway(join(folder, name))
}

/** What each run has shown when it is in its middle. */
const half = (kind: Kind) => tabs[kind].getByText(`Half of the ${kind}`, { exact: true })
const badge = (kind: Kind, label: string) =>
  tabs[kind].locator('header').getByText(label, { exact: true }).waitFor()
const idOf = (kind: Kind) => new URL(tabs[kind].url()).pathname.split('/').at(-1) ?? ''

async function fillForm(kind: Exclude<Kind, 'external'>): Promise<void> {
  const page = tabs[kind]
  await page.keyboard.press('c')
  const dialog = page.getByRole('dialog', { name: 'New run' })
  const label = { job: 'Tool', session: 'Agent session', execution: 'Execution' }[kind]
  await dialog.getByText(label, { exact: true }).first().click()
  await dialog.getByLabel('Project').selectOption(kind)
  if (kind !== 'job') await dialog.getByLabel(/^(Prompt|Task)$/).fill(`Begin the ${kind}`)
  if (kind === 'execution') expect(await seriousProblems(page)).toEqual([])
  await dialog.getByRole('button', { name: /^(Run|Start .*)$/ }).click()
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/)
}

async function report(...events: { type: string; data: object }[]): Promise<void> {
  const { status } = await server.call(`/api/runs/${idOf('external')}/events`, post({ events }))
  expect(status).toBe(200)
}
const say = (text: string) => ({ type: 'text:delta', data: { messageId: 'm', text } })

it('a job, a session and an execution are started from the form, and all kinds are watched live', async () => {
  for (const kind of kinds) {
    tabs[kind] = await browser.context.newPage()
    if (kind === 'external') {
      const { run } = await server.json<{ run: { id: string } }>(
        '/api/runs',
        post({ kind, title: 'An import' }),
      )
      await tabs[kind].goto(`${server.url}/runs/${run.id}`)
      await report(say('Half of the external'))
    } else {
      await tabs[kind].goto(`${server.url}/runs`)
      await tabs[kind].getByRole('navigation').waitFor()
      await fillForm(kind)
      if (kind !== 'job') place.model.release(kind)
    }
    await half(kind).waitFor()
    await badge(kind, 'running')
  }
  expect(browser.complaints).toEqual([])
})

it('a reload in the middle shows what was there, once, and the run goes on', async () => {
  await Promise.all(kinds.map((kind) => tabs[kind].reload()))
  for (const kind of kinds) {
    await half(kind).waitFor()
    await badge(kind, 'running')
    expect(await half(kind).count()).toBe(1)
  }
  await report(say(' and more'))
  await tabs.external.getByText('Half of the external and more', { exact: true }).waitFor()
  expect(browser.complaints).toEqual([])
})

it('after a kill of the server every open page says how its run ended, and an external run continues', async () => {
  await server.end('SIGKILL')
  await Promise.all(
    kinds.map((kind) =>
      tabs[kind]
        .getByText(/^(The c|C)onnection (was )?lost/)
        .first()
        .waitFor(),
    ),
  )
  server = await start()
  for (const kind of ['job', 'session', 'execution'] as const) {
    await badge(kind, 'interrupted')
    expect(await half(kind).count()).toBe(1)
  }
  await report(say(', to the end'))
  await tabs.external.getByText('Half of the external and more, to the end', { exact: true }).waitFor()
  await server.call(`/api/runs/${idOf('external')}/finish`, post({ state: 'completed' }))
  await badge('external', 'completed')
  expect(browser.complaints.filter((text) => !text.includes('net::ERR_'))).toEqual([])
})

it('from its page an interrupted run starts again and is aborted, and a conversation continues with a message', async () => {
  for (const kind of ['job', 'session'] as const) {
    await tabs[kind].getByRole('button', { name: 'Retry' }).click()
    await tabs[kind].getByText('retry of').waitFor()
    if (kind === 'session') place.model.release(kind)
    await half(kind).waitFor()
    await tabs[kind].getByRole('button', { name: 'Abort' }).click()
    await badge(kind, 'aborted')
  }
  for (const kind of ['session', 'execution'] as const) {
    const before = tabs[kind].url()
    await tabs[kind].getByLabel('Continue with a message').fill('Continue, please')
    await tabs[kind].keyboard.press('Enter')
    await tabs[kind].waitForURL((url) => url.href !== before)
    await tabs[kind].getByText('All of it.').first().waitFor()
    await badge(kind, 'completed')
    const { run } = await server.json<{ run: { resumes: string } }>(`/api/runs/${idOf(kind)}`)
    expect(before).toContain(run.resumes)
  }
  await until(async () => (await server.json<{ approvals: [] }>('/api/approvals')).approvals.length === 0)
})

it('a session in a worktree is started from the form, its agent asks by a form that unfolds in the inbox, and the values reach it', async () => {
  const page = tabs.session
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Search commands and runs' }).fill('new agent session')
  await page.keyboard.press('Enter')
  // The prompt has the focus.
  await page.getByLabel('Prompt').waitFor()
  await page.keyboard.type('Choose a database')
  const dialog = page.getByRole('dialog', { name: 'New run' })
  const agent = dialog.getByLabel('Agent', { exact: true })
  expect(await agent.getByRole('option').allInnerTexts()).toEqual(['claude', 'elsewhere (not available)'])
  await dialog.getByLabel('Project').selectOption('git')
  await dialog.getByText('More').click()
  await dialog.getByLabel('Questions').selectOption('on')
  await dialog.getByLabel('Place').selectOption('worktree')
  await dialog.getByLabel('Branch').fill('database')
  expect(await seriousProblems(page)).toEqual([])
  const before = page.url()
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await page.waitForURL((url) => url.href !== before)

  const questionOn = (on: Page) => on.getByRole('article', { name: 'Question: AskUserQuestion' })
  const question = questionOn(page)
  await question.getByText('One file').waitFor()
  expect(await seriousProblems(page)).toEqual([])
  const inbox = tabs.external
  await inbox.goto(server.url)
  const folded = questionOn(inbox)
  await folded.getByText('Which database?').waitFor()
  expect(await folded.getByText('One file').count()).toBe(0)
  await folded.getByRole('button', { name: 'Answer…' }).click()
  // The first choice has the focus.
  await inbox.keyboard.press('ArrowDown')
  expect(await folded.getByLabel('SQLite').isChecked()).toBe(true)
  await folded.getByRole('button', { name: 'Answer', exact: true }).click()
  await question.waitFor({ state: 'detached' })
  await page.getByText('It was answered.').first().waitFor()
  await badge('session', 'completed')
  expect(browser.complaints).toEqual([])
})

it('a session is forked from one of its events, and the fork has the conversation up to there', async () => {
  const page = tabs.session
  const forked = idOf('session')
  const fork = page.getByRole('button', { name: /^Fork from event/ }).last()
  const at = Number(/\d+/.exec((await fork.getAttribute('aria-label')) ?? '')?.[0])
  await fork.click()
  const dialog = page.getByRole('dialog', { name: 'Fork from here' })
  await page.keyboard.type('Continue, please')
  expect(await seriousProblems(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Fork', exact: true }).click()
  await page.waitForURL((url) => !url.pathname.endsWith(forked))
  await page.getByText(`fork of ${forked.slice(0, 8)}`).waitFor()
  await page.getByText('All of it.').first().waitFor()
  await badge('session', 'completed')
  const { run } = await server.json<{ run: { forkOf: string } }>(`/api/runs/${idOf('session')}`)
  expect(run.forkOf).toBe(forked)
  expect(at).toBeGreaterThan(0)
})

it('the page of worktrees shows what one has, merges it into the project, and discards another', async () => {
  const page = tabs.session
  await page.goto(`${server.url}/worktrees`)
  const first = page.getByRole('article', { name: 'Worktree database' })
  await first.getByText('1 file not committed').waitFor()
  await first.getByRole('button', { name: 'Changes' }).click()
  await first.getByText('database.txt').waitFor()
  expect(await seriousProblems(page)).toEqual([])
  await first.getByRole('button', { name: 'Merge' }).click()
  await page.getByText(/^database was merged: main received \d/).waitFor()
  await first.waitFor({ state: 'detached' })
  expect(readFileSync(join(place.project('git'), 'database.txt'), 'utf8')).toBe('SQLite\n')
  // The fork has one of its own.
  const second = page.getByRole('article', { name: /^Worktree / })
  await second.getByRole('button', { name: 'Discard…' }).click()
  await second.getByRole('button', { name: 'Discard its work' }).click()
  await page.getByText('There is no worktree').waitFor()
  expect((await server.json<{ worktrees: object[] }>('/api/worktrees')).worktrees).toEqual([])
  expect(browser.complaints).toEqual([])
})

/** The browser's own push service is out of reach: the page gets a subscription of the service of the test. */
const subscribeAt = (endpoint: string) => `{
  let isOn = false
  const subscription = {
    endpoint: '${endpoint}',
    toJSON: () => ({ endpoint: '${endpoint}', keys: ${JSON.stringify(pushBrowser.keys)} }),
    unsubscribe: async () => { isOn = false; return true },
  }
  PushManager.prototype.subscribe = async () => { isOn = true; return subscription }
  PushManager.prototype.getSubscription = async () => (isOn ? subscription : null)
}`

it('a browser that asked for it is notified of a question while no page is open, and answers it from the notification', async () => {
  const { page, context } = browser
  await context.grantPermissions(['notifications'], { origin: server.url })
  await page.addInitScript(subscribeAt(`${pushOrigin}/browser`))
  await page.goto(`${server.url}/settings`)
  await page.getByRole('button', { name: 'Notify this browser' }).click()
  await page.getByText('This browser tells you').waitFor()
  expect(await seriousProblems(page)).toEqual([])
  const [worker] = context.serviceWorkers()
  if (worker === undefined) throw new Error('no service worker is there')
  // No page is open, but an empty one.
  await Promise.all(Object.values(tabs).map((tab) => tab.close()))
  await page.goto('about:blank')

  const body = { kind: 'session', project: 'session', prompt: 'Ask somebody', approvals: 'on' }
  const { run } = await server.json<{ run: { id: string } }>('/api/runs', post(body))
  await until(() => pushed.length === 1)
  const shown = `registration.getNotifications().then((all) => all.map(({ title, body, actions }) =>
    [title, body, ...actions.map(({ action }) => action)]))`
  await worker.evaluate(`receive(${JSON.stringify(pushed[0])})`)
  const [[title, text, ...actions] = []] = await worker.evaluate<string[][]>(shown)
  expect([title, ...actions]).toEqual(['Bash needs your answer', 'allow', 'deny'])
  expect(text).toContain('$(echo mkdir) asked')
  await worker.evaluate(`registration.getNotifications().then(([one]) => clicked(one, 'allow'))`)
  const read = () => server.json<{ run: { state: string } }>(`/api/runs/${run.id}`)
  await until(async () => (await read()).run.state === 'completed')
  await until(() => pushed.length === 2)
  expect(pushed[1]).toMatchObject({ type: 'answered', approvalId: pushed[0]?.approvalId })

  // Where another was shown meanwhile, the answer takes it away.
  await worker.evaluate(`receive(${JSON.stringify(pushed[0])})`)
  await worker.evaluate(`receive(${JSON.stringify(pushed[1])})`)
  expect(await worker.evaluate<string[][]>(shown)).toEqual([])
})

it('an answer that comes too late says so, and after signing out the browser is notified no longer', async () => {
  const { page, context } = browser
  const [worker] = context.serviceWorkers()
  const late = { ...pushed[0] }
  await worker?.evaluate(`receive(${JSON.stringify(late)})`)
  await worker?.evaluate(`registration.getNotifications().then(([one]) => clicked(one, 'deny'))`)
  const titles = `registration.getNotifications().then((all) => all.map(({ title }) => title))`
  expect(await worker?.evaluate(titles)).toEqual(['Your answer did not count'])

  await page.goto(`${server.url}/settings`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('This browser is not signed in').waitFor()
  const body = { kind: 'session', project: 'session', prompt: 'Ask somebody', approvals: 'on' }
  const { run } = await server.json<{ run: { id: string } }>('/api/runs', post(body))
  await until(async () => {
    const { approvals } = await server.json<{ approvals: object[] }>('/api/approvals')
    return approvals.length === 1
  })
  await server.call(`/api/runs/${run.id}/abort`, { method: 'POST' })
  expect(pushed).toHaveLength(2)
})
