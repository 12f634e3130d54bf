/** Followers that are EventSources: the npm package's, and the one in a page of Chromium. */
import { Received, type ReceivedEvent } from '@millrace/test-support/received'
import { EventSource } from 'eventsource'
import { openBrowser } from './browser.ts'

export interface EventSourceFollower {
  events: ReceivedEvent[]
  until: (wanted: (event: ReceivedEvent) => boolean) => Promise<ReceivedEvent>
  /** Settles when it has given up for good: its state is CLOSED. */
  stopped: Promise<void>
}

const types = ['run:queued', 'run:started', 'output', 'complete', 'error', 'reset']

export interface PackageOptions {
  /** The delay before reconnecting that the server sends the package; absent: its own three seconds. */
  retryMs?: number
}

export function followWithPackage(
  url: string,
  token: string,
  { retryMs }: PackageOptions = {},
): EventSourceFollower & { close: () => void } {
  const received = new Received()
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  const source = new EventSource(url, {
    fetch: async (input, init) => {
      const headers = { ...init.headers, Authorization: `Bearer ${token}` }
      const response = await fetch(input, { ...init, headers })
      return retryMs === undefined || response.body === null ? response : withRetry(response, retryMs)
    },
  })
  for (const type of types) {
    source.addEventListener(type, (event) => {
      if (!(event instanceof MessageEvent)) return
      received.add({ id: event.lastEventId || undefined, type, data: event.data })
    })
  }
  const end = () => {
    received.end()
    resolve()
  }
  source.addEventListener('error', () => {
    if (source.readyState === source.CLOSED) end()
  })
  const close = () => {
    source.close()
    end()
  }
  return { events: received.events, until: (wanted) => received.until(wanted), stopped, close }
}

function withRetry(response: Response, retryMs: number): Response {
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(`retry: ${retryMs}\n\n`)),
    }),
  )
  return new Response(body, { status: response.status, headers: response.headers })
}

export interface FollowingBrowser {
  /** Opens the address, and then a page of the same origin that does nothing by itself. */
  logIn: (loginUrl: string) => Promise<void>
  /** Opens an EventSource in the page. */
  follow: (path: string) => Promise<EventSourceFollower>
  close: () => Promise<void>
}

/** A page's report on one of its EventSources: an event, or that it has given up. */
type PageReport = { key: number; event: ReceivedEvent | null }

/** The part of a page's global scope that is used. */
interface PageScope {
  EventSource: typeof EventSource
  report: (report: PageReport) => Promise<void>
}

export async function openFollowingBrowser(): Promise<FollowingBrowser> {
  const { page, close } = await openBrowser()
  const followers: { received: Received; stop: () => void }[] = []
  await page.exposeFunction('report', ({ key, event }: PageReport) => {
    const follower = followers[key]
    if (event === null) follower?.stop()
    else follower?.received.add(event)
  })
  return {
    logIn: async (loginUrl) => {
      const response = await page.goto(loginUrl)
      if (response?.status() !== 200) throw new Error(`the login answered ${response?.status()}`)
      await page.goto(new URL('/healthz', loginUrl).href)
    },
    follow: async (path) => {
      const received = new Received()
      const { promise: stopped, resolve } = Promise.withResolvers<void>()
      const stop = () => {
        received.end()
        resolve()
      }
      const key = followers.push({ received, stop }) - 1
      await page.evaluate(followInPage, { key, path, types })
      return { events: received.events, until: (wanted) => received.until(wanted), stopped }
    },
    close,
  }
}

/** Runs in the page: it may use nothing from outside. */
function followInPage({ key, path, types }: { key: number; path: string; types: string[] }): void {
  const scope = globalThis as unknown as PageScope
  const source = new scope.EventSource(path)
  for (const type of types) {
    source.addEventListener(type, (event) => {
      if (!('data' in event)) return
      void scope.report({ key, event: { id: event.lastEventId || undefined, type, data: event.data } })
    })
  }
  source.addEventListener('error', () => {
    if (source.readyState === 2) void scope.report({ key, event: null })
  })
}
