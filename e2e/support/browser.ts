/** A real browser with a profile of its own, which keeps every complaint of its console. */
import { scratchFolder } from '@millrace/test-support/folders'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Browser {
  context: BrowserContext
  page: Page
  /** Errors and warnings of every page: refused by the content policy, failed requests, exceptions. */
  complaints: string[]
  close: () => Promise<void>
}

export async function openBrowser(size = { width: 1280, height: 800 }): Promise<Browser> {
  const profile = scratchFolder('millrace-browser-')
  const context = await chromium.launchPersistentContext(profile.path, {
    executablePath: '/usr/bin/chromium',
    args,
    viewport: size,
  })
  const complaints: string[] = []
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return
    complaints.push(`${message.text()} (${message.location().url})`)
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  context.setDefaultTimeout(100_000)
  const page = context.pages()[0] ?? (await context.newPage())
  return {
    context,
    page,
    complaints,
    close: async () => {
      await context.close()
      profile.dispose()
    },
  }
}
