/**
 * Every view of the console, light and dark, on a desktop and on a phone, over one server with work of every kind.
 * `npm run screenshots` keeps what the browser shows as the pictures of the documentation.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seriousProblems } from '../support/axe.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { openScene, type Scene } from './scene.ts'

const pictures = process.env.MILLRACE_SCREENSHOTS
const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

/** What does not fit: a view is as wide as the window, and as high where it scrolls inside. */
const overflow = `(() => {
  const { scrollWidth, scrollHeight } = document.documentElement
  const isHigh = document.querySelector('.whole-page') !== null && scrollHeight > innerHeight
  return [scrollWidth > innerWidth && 'too wide', isHigh && 'too high'].filter(Boolean)
})()`

interface View {
  path: (runs: Scene['runs']) => string
  /** What is there when the view is complete. */
  ready: (page: Page) => Promise<unknown>
}

const shows = (words: string) => (page: Page) => page.getByText(words).first().waitFor()
/** Its Markdown is loaded after its words. */
const says = (words: string) => (page: Page) => page.locator('.markdown', { hasText: words }).waitFor()

/** They stay on the list of runs, where the documentation shows them. */
async function hideQuestions(page: Page): Promise<void> {
  const hide = page.getByRole('button', { name: /Hide$/ })
  if ((await hide.count()) > 0) await hide.click()
}

const views: Record<string, View> = {
  inbox: { path: () => '/', ready: shows('Swiss customers') },
  runs: { path: () => '/runs', ready: shows('Swiss customers') },
  activity: {
    path: () => '/activity',
    ready: async (page) => {
      await page.locator('canvas').nth(3).waitFor()
      await hideQuestions(page)
    },
  },
  settings: {
    path: () => '/settings',
    ready: async (page) => {
      await shows('30 days after their end')(page)
      await hideQuestions(page)
    },
  },
  worktrees: {
    path: () => '/worktrees',
    ready: async (page) => {
      const worktree = page.getByRole('article', { name: 'Worktree fix-swiss-vat' })
      await worktree.getByRole('button', { name: 'Changes' }).click()
      await worktree.getByText('which is added once').first().waitFor()
      await hideQuestions(page)
    },
  },
  session: { path: ({ session }) => `/runs/${session}`, ready: says('tests pass') },
  question: {
    path: ({ asking }) => `/runs/${asking}`,
    ready: async (page) => {
      await shows('Why it asks')(page)
      await says('Now the tests.')(page)
      await page.getByRole('tab', { name: /Files.*1/ }).waitFor()
    },
  },
  form: {
    path: ({ form }) => `/runs/${form}`,
    ready: async (page) => {
      await shows('One file, no server')(page)
      await says('Before I plan')(page)
    },
  },
  changes: {
    path: ({ session }) => `/runs/${session}`,
    ready: async (page) => {
      await page.getByRole('tab', { name: /Files/ }).click()
      await page.getByText('which is added once').first().waitFor()
    },
  },
  log: { path: ({ log }) => `/runs/${log}`, ready: shows('received 116.2') },
  plan: { path: ({ plan }) => `/runs/${plan}`, ready: says('61,004') },
  start: {
    path: () => '/runs',
    ready: async (page) => {
      await page.getByText('Swiss customers').first().waitFor()
      await page.keyboard.press('c')
      const dialog = page.getByRole('dialog', { name: 'New run' })
      await dialog.getByText('Agent session').click()
      await dialog.getByText('More', { exact: true }).click()
    },
  },
}

let scene: Scene
let browser: Browser
const releases: (() => unknown)[] = []
beforeAll(async () => {
  scene = await openScene()
  releases.push(scene.close)
  browser = await openBrowser()
  releases.push(browser.close)
})
afterAll(async () => {
  for (const release of releases.reverse()) await release()
  if (pictures !== undefined) reduce(pictures)
})

/** Gives the pictures a palette, which makes them half as large. */
function reduce(folder: string): void {
  const files = readdirSync(folder).filter((name) => name.endsWith('.png'))
  execFileSync('pngquant', ['--force', '--ext', '.png', '--speed', '1', '--', ...files], { cwd: folder })
}

describe.runIf(process.env.MILLRACE_TEST_FULL === '1').each(['light', 'dark'] as const)('%s', (theme) => {
  it.each(['desktop', 'phone'] as const)(
    'every view fits a %s, and axe finds nothing serious',
    async (size) => {
      const { page, complaints, close } = await browser.another(sizes[size])
      try {
        await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
        const { url } = await scene.server.json<{ url: string }>('/api/login-codes', { method: 'POST' })
        await page.goto(url)
        await page.getByRole('navigation').waitFor()
        const faults: Record<string, unknown> = {}
        for (const [name, { path, ready }] of Object.entries(views)) {
          await page.goto(scene.server.url + path(scene.runs))
          await ready(page)
          await page.evaluate('document.fonts.ready')
          if (pictures !== undefined)
            await page.screenshot({ path: join(pictures, `${name}-${size}-${theme}.png`) })
          const problems = await seriousProblems(page)
          problems.push(...(await page.evaluate<string[]>(overflow)))
          if (problems.length > 0) faults[name] = problems
        }
        expect({ faults, complaints }).toEqual({ faults: {}, complaints: [] })
      } finally {
        await close()
      }
    },
  )
})
