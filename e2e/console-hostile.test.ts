/** Whatever a run prints, reports or is called, its page shows it as text: nothing runs, nothing is loaded, and the page stays quick. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'

const scratch = scratchFolder()
const [project, dataDir] = [join(scratch.path, 'web'), join(scratch.path, 'data')]
const run = 'document.documentElement.dataset.hacked=1'
const image = `<img src="https://evil.example/p.png" onerror="${run}">`
const script = `</title><script>${run}</script>`
const markdown = `${image} ${script} [a](javascript:${run}) [b](data:text/html,${script}) ![c](https://evil.example/c.png)
<a href="javascript:${run}">d</a> <javascript:${run}> <iframe srcdoc="${script}"></iframe> [e]: javascript:${run}`

/** Every field that a producer fills in. */
const events: { type: string; data: object }[] = [
  {
    type: 'plan:created',
    data: {
      plan: {
        goal: image,
        phases: [
          { id: '__proto__', name: image },
          ...Array.from({ length: 5000 }, (_, index) => ({ id: `p${index}`, name: 'a phase' })),
        ],
      },
    },
  },
  { type: 'phase:start', data: { phaseId: '__proto__', phaseName: image } },
  { type: 'text:delta', data: { messageId: '__proto__', text: markdown } },
  { type: 'thinking', data: { thought: markdown } },
  {
    type: 'tool:start',
    data: {
      toolCallId: '__proto__',
      toolName: image,
      params: { constructor: image, toString: 1, file_path: '\u202ecod.exe' },
    },
  },
  {
    type: 'tool:output',
    data: {
      toolCallId: '__proto__',
      text: `\u001b]8;;javascript:${run}\u001b\\a link\u001b]8;;\u001b\\ ${image}`,
    },
  },
  { type: 'tool:complete', data: { toolCallId: '__proto__', result: { error: image }, status: 'error' } },
  ...Array.from({ length: 300 }, (_, index) => ({
    type: 'tool:start',
    data: { toolCallId: `c${index}`, parentToolCallId: `c${index - 1}`, toolName: 'nested', params: {} },
  })),
  { type: 'constructor', data: { message: image, toString: 1, valueOf: 1 } },
  { type: 'usage', data: { model: image, tokens: { input: 'x' }, costUsd: 'x' } },
]

const config = {
  projects: { web: { path: project } },
  tools: {
    nasty: {
      command: [
        'bash',
        '-c',
        `cat <<'END'
::group::${image}
${image}
\u001b]8;;javascript:${run}\u0007a link\u001b]8;;\u0007 \u001b]0;${script}\u0007
::error::${script}
END
head -c 10000000 /dev/zero | tr '\\0' x; echo; echo the end`,
      ],
    },
  },
}

let server: ServerProcess
let browser: Browser
const requests: string[] = []
const releases: (() => unknown)[] = [scratch.dispose]
beforeAll(async () => {
  for (const folder of [project, dataDir]) mkdirSync(folder)
  server = await startServer({ cwd: project, dataDir, config })
  releases.push(() => server.end())
  browser = await openBrowser()
  releases.push(browser.close)
  browser.context.on('request', (request) => void requests.push(request.url()))
  const { url } = await server.json<{ url: string }>('/api/login-codes', post({}))
  await browser.page.goto(url)
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
})

const started = async (body: object) =>
  (await server.json<{ run: { id: string } }>('/api/runs', post(body))).run.id

/** What would have run or been loaded, or may be clicked to. */
const found = `({
  hacked: document.documentElement.dataset.hacked,
  elements: document.querySelectorAll('#root :is(img, iframe, script, object, b, base, form[action])').length,
  links: [...document.querySelectorAll('a')].map(({ protocol }) => protocol).filter((name) => !/^https?:/.test(name)),
})`
const nothing = { elements: 0, links: [] }

it('what a producer reports, and what a job prints, is text on every page that shows it', async () => {
  const { page, complaints } = browser
  const id = await started({ kind: 'external', title: `${image}${script}` })
  expect(await server.json(`/api/runs/${id}/events`, post({ events }))).not.toHaveProperty('code')
  await page.goto(`${server.url}/runs/${id}`)
  await page.getByRole('region', { name: 'Conversation' }).getByText('evil.example').first().waitFor()
  await page.locator('.markdown').first().waitFor()
  for (const details of await page.locator('#root details').all())
    await details.evaluate('(one) => { one.open = true }')
  expect(await page.evaluate(found)).toEqual(nothing)
  expect(await page.title()).toContain(image)
  await page.getByRole('button', { name: 'Timeline' }).click()
  await page.getByRole('slider', { name: 'Event' }).fill('5')
  await page.getByRole('tab', { name: 'Events' }).click()
  await page.getByRole('region', { name: 'Log' }).getByText('evil.example').first().waitFor()
  expect(await page.evaluate(found)).toEqual(nothing)
  await server.call(`/api/runs/${id}/finish`, post({ state: 'errored', error: markdown }))
  await page
    .getByText(/^failed$/)
    .first()
    .waitFor()

  await page.goto(`${server.url}/runs/${await started({ kind: 'job', project: 'web', tool: 'nasty' })}`)
  await page.getByText('the end', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Wrap lines' }).click()
  await page.getByText('the end', { exact: true }).waitFor()
  expect(await page.evaluate(found)).toEqual(nothing)
  for (const path of ['/', '/runs']) {
    await page.goto(server.url + path)
    await page.getByRole('navigation').waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('option', { name: 'Settings' }).waitFor()
    expect(await page.evaluate(found)).toEqual(nothing)
  }
  expect(requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual([])
  expect(complaints).toEqual([])
})

it('a tab that is left open shows the user who signed in last, and nothing of the one before', async () => {
  const { page, context } = browser
  await started({ kind: 'external', title: 'Of the first user' })
  const second = await context.newPage()
  await second.goto(`${server.url}/runs`)
  const rows = second.locator('[data-run]')
  await rows.first().waitFor()
  const signIn = async (user: string) => {
    const { url } = await server.json<{ url: string }>('/api/login-codes', post({ user }))
    await page.goto(url)
    await second.getByRole('navigation').getByText(user).waitFor()
  }
  await signIn('boris')
  await second.getByText('No runs yet').waitFor()
  expect(await rows.count()).toBe(0)
  await page.goto(`${server.url}/settings`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await second.getByText('This browser is not signed in').waitFor()
  expect(await second.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toContain('mr_')
  await signIn('celia')
})

it('no page of the console can be framed, and none is kept that shows what its user sees', async () => {
  for (const path of ['/', '/runs', '/no/such/page']) {
    const { headers } = await fetch(server.url + path, { headers: { Accept: 'text/html' } })
    expect(headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'none'/)
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  }
  expect((await server.call('/api/runs')).headers.get('cache-control')).toBe('no-store')
})
