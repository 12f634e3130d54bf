/** The unmodified PocketBase SDK against a real server, in Node and in a page of Chromium. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, quietPort, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Sdk, type SdkPlace, sdkInChromium, sdkInNode, type TopicEvent } from './support/pocketbase.ts'

const signals = ['SIGTERM', 'SIGKILL'] as const

describe.each<[string, () => Promise<SdkPlace>, (typeof signals)[number]]>([
  ['in Node', sdkInNode, 'SIGTERM'],
  ['in Chromium', sdkInChromium, 'SIGKILL'],
])('the PocketBase SDK %s', (_where, openPlace, usual) => {
  const scratch = scratchFolder()
  const dataDir = join(scratch.path, 'data')
  const releases: (() => unknown)[] = [scratch.dispose]
  let server: ServerProcess
  let start: () => Promise<ServerProcess>
  let place: SdkPlace
  let [olga, otto] = ['', '']
  const clients: Sdk[] = []

  beforeAll(async () => {
    mkdirSync(dataDir)
    mkdirSync(join(scratch.path, 'here'))
    place = await openPlace()
    releases.push(() => place.close())
    const port = await quietPort()
    start = () =>
      startServer({
        cwd: scratch.path,
        dataDir,
        port,
        config: {
          projects: { here: { path: join(scratch.path, 'here') } },
          tools: { quick: { command: ['echo', 'hello'] }, wait: { command: ['sleep', '600'] } },
          sandbox: { mode: 'off' },
          http: { cors: { origins: [place.origin] } },
        },
      })
    server = await start()
    releases.push(() => server.end())
    olga = await tokenOf('olga')
    otto = await tokenOf('otto')
  })
  afterAll(async () => {
    for (const client of clients) await client.close()
    for (const release of releases.reverse()) await release()
  })

  async function tokenOf(user: string): Promise<string> {
    return (await server.json<{ token: string }>('/api/admin/tokens', post({ user }))).token
  }
  async function open(token: string): Promise<Sdk> {
    const sdk = await place.open(server.url)
    clients.push(sdk)
    await sdk.logIn(token)
    return sdk
  }
  async function run(token: string, tool = 'quick'): Promise<string> {
    const response = await server.call('/api/runs', {
      ...post({ kind: 'job', project: 'here', tool }),
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    })
    return ((await response.json()) as { run: Run }).run.id
  }
  const abort = (id: string) => server.call(`/api/runs/${id}/abort`, { method: 'POST' })
  const publish = (topic: string, data: unknown) =>
    server.call('/api/realtime/publish', post({ topic, data }))
  const lastOf = (events: TopicEvent[], id: string) => events.findLast(({ record }) => record.id === id)
  const ended = (id: string) => (events: TopicEvent[]) => lastOf(events, id)?.record.state === 'completed'

  it('a subscriber receives create, update and delete of the runs it may see, and published messages, in order', async () => {
    const sdk = await open(olga)
    const [all, own] = [await sdk.subscribe('runs/*'), await sdk.subscribe('my topic')]
    const waiting = await run(olga, 'wait')
    const one = await sdk.subscribe(`runs/${waiting}`)
    const some = await sdk.subscribe('runs/*', { query: { fields: 'id,state' } })
    const project = await sdk.subscribe('projects/here')
    await publish('my topic', { hello: 'world' })
    await own.until((events) => events.length === 1)
    expect(own.events).toEqual([{ hello: 'world' }])

    const quick = await run(olga)
    await all.until(ended(quick))
    await abort(waiting)
    await one.until((events) => lastOf(events, waiting)?.record.state === 'aborted')
    await some.until((events) => lastOf(events, waiting)?.record.state === 'aborted')
    await project.until((events) => events.at(-1)?.record.active === 0)
    expect(some.events.every(({ record }) => Object.keys(record).join() === 'id,state')).toBe(true)
    expect(one.events.every(({ record }) => record.id === waiting)).toBe(true)

    await server.call('/api/admin/prune', post({ days: 0.0000001 }))
    await all.until((events) => lastOf(events, quick)?.action === 'delete')
    const ofQuick = all.events.filter(({ record }) => record.id === quick)
    expect(ofQuick[0]?.action).toBe('create')
    expect(ofQuick.slice(1, -1).every(({ action }) => action === 'update')).toBe(true)
    const heads = ofQuick.map(({ record }) => record.head)
    expect(heads).toEqual([...heads].sort((a, b) => a - b))
  })

  it('a client receives nothing of a topic after it has unsubscribed', async () => {
    const sdk = await open(olga)
    const [all, own] = [await sdk.subscribe('runs/*'), await sdk.subscribe('mine')]
    await sdk.unsubscribe('runs/*')
    const id = await run(olga)
    await publish('mine', { n: 1 })
    await own.until((events) => events.length === 1)
    await until(async () => (await server.json<{ run: Run }>(`/api/runs/${id}`)).run.state === 'completed')
    await publish('mine', { n: 2 })
    await own.until((events) => events.length === 2)
    expect(all.events).toEqual([])
    await sdk.unsubscribe()
    expect(await sdk.isConnected()).toBe(false)
  })

  it('a client never receives another user’s runs, and learns which topics were refused', async () => {
    const sdk = await open(otto)
    const of = await run(olga, 'wait')
    const [all, one] = [await sdk.subscribe('runs/*'), await sdk.subscribe(`runs/${of}`)]
    await expect(sdk.subscribe('runs/*', { query: { filter: 'state="running"' } })).rejects.toThrow('400')
    await sdk.unsubscribe('runs/*')
    const again = await sdk.subscribe('runs/*')
    await abort(of)
    const own = await run(otto)
    await again.until(ended(own))
    expect([...all.events, ...again.events].filter(({ record }) => record.id !== own)).toEqual([])
    expect(one.events).toEqual([])
  })

  it('a client that logs in as another user is refused until it reconnects, and then is that user', async () => {
    const sdk = await open(olga)
    const before = await sdk.subscribe('runs/*')
    await sdk.logIn(otto)
    await expect(sdk.subscribe('other')).rejects.toThrow('403')
    await sdk.unsubscribe()
    const after = await sdk.subscribe('runs/*')
    const [ofOlga, ofOtto] = [await run(olga), await run(otto)]
    await after.until(ended(ofOtto))
    expect(after.events.some(({ record }) => record.id === ofOlga)).toBe(false)
    expect(before.events).toEqual([])
  })

  it.each(process.env.MILLRACE_TEST_FULL ? signals : [usual])(
    'a client resumes by itself after the server was ended by %s',
    async (signal) => {
      const sdk = await open(olga)
      const [all, own] = [await sdk.subscribe('runs/*'), await sdk.subscribe('mine')]
      const first = await run(olga)
      await all.until(ended(first))
      const pid = server.pid
      await server.end(signal)
      server = await start()
      expect(server.pid).not.toBe(pid)
      // The test does not wait for the new subscription: a message sent repeatedly arrives once it exists.
      await until(async () => {
        await publish('mine', {})
        return own.events.length > 0
      })
      const second = await run(olga)
      await all.until(ended(second))
    },
  )
})
