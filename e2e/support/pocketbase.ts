/** The official PocketBase SDK, as it is in its package: in Node, and in a page of Chromium of another origin. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { EventSource } from 'eventsource'
import PocketBase from 'pocketbase'
import { type Browser, openBrowser } from './browser.ts'

export interface TopicEvent {
  action: string
  record: { id: string; state: string; head: number } & Record<string, unknown>
}

export interface Subscription {
  events: TopicEvent[]
  /** Resolves when the events so far pass. */
  until: (holds: (events: TopicEvent[]) => boolean) => Promise<void>
}

export interface Sdk {
  /** What the application does at a login. */
  logIn: (token: string) => Promise<void>
  /** `collection/id` by its collection, anything else as a topic of an application. Rejects with the status as message. */
  subscribe: (topic: string, options?: Record<string, unknown>) => Promise<Subscription>
  unsubscribe: (topic?: string) => Promise<void>
  isConnected: () => Promise<boolean>
  close: () => Promise<void>
}

/** Opens SDKs for servers; its pages come from `origin`. */
export interface SdkPlace {
  origin: string
  open: (url: string) => Promise<Sdk>
  close: () => Promise<void>
}

class Listening implements Subscription {
  readonly events: TopicEvent[] = []
  #checks = new Set<() => void>()

  add(event: TopicEvent): void {
    this.events.push(event)
    for (const check of this.#checks) check()
  }

  until(holds: (events: TopicEvent[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds(this.events)) return
        this.#checks.delete(check)
        resolve()
      }
      this.#checks.add(check)
      check()
    })
  }
}

const collections = ['runs', 'projects']

/** The part of the SDK that is used, in Node and in pages. */
function subscribeWith(
  pocketbase: PocketBase,
  topic: string,
  options: Record<string, unknown> | undefined,
  names: string[],
  listener: (event: TopicEvent) => void,
): Promise<unknown> {
  const [collection = '', id = ''] = topic.split('/')
  return names.includes(collection)
    ? pocketbase.collection(collection).subscribe(id, listener as never, options)
    : pocketbase.realtime.subscribe(topic, listener, options)
}

export async function sdkInNode(): Promise<SdkPlace> {
  Object.assign(globalThis, { EventSource })
  return {
    origin: 'http://unused.example',
    open: async (url) => {
      const pocketbase = new PocketBase(url)
      return {
        logIn: async (token) => pocketbase.authStore.save(token, null),
        subscribe: async (topic, options) => {
          const listening = new Listening()
          await subscribeWith(pocketbase, topic, options, collections, (event) => listening.add(event)).catch(
            (error: { status?: number }) => {
              throw new Error(String(error.status))
            },
          )
          return listening
        },
        unsubscribe: (topic) => pocketbase.realtime.unsubscribe(topic),
        isConnected: async () => pocketbase.realtime.isConnected,
        close: () => pocketbase.realtime.unsubscribe(),
      }
    },
    close: async () => {},
  }
}

const sdkFile = fileURLToPath(import.meta.resolve('pocketbase'))
const page = `<!doctype html><title>SDK</title><link rel="icon" href="data:,"><script type="module">
import PocketBase from '/pocketbase.js'
window.PocketBase = PocketBase
</script>`

interface PageScope {
  PocketBase: typeof PocketBase
  pocketbase: PocketBase
  told: (key: number, event: TopicEvent) => void
}

export async function sdkInChromium(): Promise<SdkPlace> {
  const server: Server = createServer((request, response) => {
    const script = request.url === '/pocketbase.js'
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    response.end(script ? readFileSync(sdkFile) : page)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browsers: Browser[] = []
  return {
    origin,
    open: async (url) => {
      const browser = await openBrowser()
      browsers.push(browser)
      const tab = browser.page
      const listeners: Listening[] = []
      await tab.exposeFunction('told', (key: number, event: TopicEvent) => listeners[key]?.add(event))
      await tab.goto(origin)
      await tab.waitForFunction(() => 'PocketBase' in globalThis)
      await tab.evaluate((address) => {
        const scope = globalThis as unknown as PageScope
        scope.pocketbase = new scope.PocketBase(address)
      }, url)
      await tab.evaluate(`globalThis.subscribeWith = ${subscribeWith.toString()}`)
      return {
        logIn: (token) =>
          tab.evaluate((value) => {
            ;(globalThis as unknown as PageScope).pocketbase.authStore.save(value, null)
          }, token),
        subscribe: async (topic, options) => {
          const listening = new Listening()
          const key = listeners.push(listening) - 1
          const status = await tab.evaluate(
            async (given) => {
              const scope = globalThis as unknown as PageScope & { subscribeWith: typeof subscribeWith }
              try {
                await scope.subscribeWith(
                  scope.pocketbase,
                  given.topic,
                  given.options,
                  given.names,
                  (event) => scope.told(given.key, event),
                )
                return null
              } catch (error) {
                return String((error as { status?: number }).status)
              }
            },
            { topic, options, names: collections, key },
          )
          if (status !== null) throw new Error(status)
          return listening
        },
        unsubscribe: (topic) =>
          tab.evaluate(
            (name) => (globalThis as unknown as PageScope).pocketbase.realtime.unsubscribe(name),
            topic,
          ),
        isConnected: () =>
          tab.evaluate(() => (globalThis as unknown as PageScope).pocketbase.realtime.isConnected),
        close: () => browser.close(),
      }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
