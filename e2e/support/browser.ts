/** A real browser, which keeps every complaint of its console. */
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
  /** A browser of another person: with cookies and a storage of its own, in the same process, which this one ends. */
  another: (size?: Size) => Promise<Browser>
  close: () => Promise<void>
}

interface Size {
  width: number
  height: number
}

const usualSize = { width: 1280, height: 800 }

export async function openBrowser(size = usualSize): Promise<Browser> {
  const program = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
  const open = async (
    viewport: Size,
    close: (context: BrowserContext) => Promise<void>,
  ): Promise<Browser> => {
    const context = await program.newContext({ viewport, reducedMotion: 'reduce' })
    const complaints: string[] = []
    context.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return
      complaints.push(`${message.text()} (${message.location().url})`)
    })
    context.on('weberror', (error) => complaints.push(String(error.error())))
    context.setDefaultTimeout(100_000)
    return {
      context,
      page: await context.newPage(),
      complaints,
      another: (viewport = usualSize) => open(viewport, (its) => its.close()),
      close: () => close(context),
    }
  }
  return open(size, () => program.close())
}
