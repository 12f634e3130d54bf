/** Another client in the same place, as after signing out and signing in as somebody else: nothing of the first is left. */
import type { Run } from '@millrace/protocol'
import { act, type ReactNode } from 'react'
import { beforeEach, expect, it } from 'vitest'
import { useAgentStore } from '#agent/agent-store'
import { useAgentExecution } from '#agent/use-agent-execution'
import { useAgentSSE } from '#agent/use-agent-sse'
import { MillraceProvider } from '#provider'
import { useApprovals } from '#runs/use-approvals'
import { useJob } from '#runs/use-job'
import { useRun } from '#runs/use-run'
import { useRuns } from '#runs/use-runs'
import { useSession } from '#runs/use-session'
import { mount, observed, strictly } from './support/mount.tsx'
import { Frames, json, type ScriptedClient, scriptedClient } from './support/scripted-client.ts'

type Answer = (call: string) => Response | Promise<Response> | undefined

let frames: Frames
let ada: Person
let bob: Person

interface Person {
  client: ScriptedClient
  asked: string[]
  answer: Answer
  within(element: ReactNode): ReactNode
}

function person(): Person {
  const one: Person = {
    asked: [],
    answer: () => undefined,
    client: scriptedClient(async (url, init) => {
      const call = `${init?.method ?? 'GET'} ${String(url).replace('http://millrace.test', '')}`
      one.asked.push(call)
      return (await one.answer(call)) ?? json({ code: 'not_found', detail: 'No run' }, 404)
    }),
    within: (element) =>
      strictly(
        <MillraceProvider client={one.client} schedule={frames.schedule}>
          {element}
        </MillraceProvider>,
      ),
  }
  return one
}

beforeEach(() => {
  frames = new Frames()
  ada = person()
  bob = person()
})

const record = (id: string, kind: Run['kind'] = 'job') => ({ id, kind, state: 'running' }) as Run
const waiting = () => new Promise<Response>(() => {})

it('useRuns shows nothing of the list of another client, and reads its first page only', async () => {
  ada.answer = (call) => json({ runs: [record(call.includes('cursor') ? 'a2' : 'a1')], nextCursor: 'more' })
  const seen = observed(() => useRuns({}, { refreshMs: 0 }))
  const page = await mount(ada.within(<seen.Observer />))
  const ids = () => seen.latest.runs.map(({ id }) => id)
  await expect.poll(() => act(async () => ids())).toEqual(['a1'])
  await act(async () => seen.latest.loadMore())
  await expect.poll(() => act(async () => ids())).toEqual(['a1', 'a2'])
  let arrive = (_: Response) => {}
  bob.answer = () =>
    new Promise((resolve) => {
      arrive = resolve
    })
  const before = seen.renders
  await page.render(bob.within(<seen.Observer />))
  expect(seen.renders).toBeGreaterThan(before)
  expect(seen.latest).toMatchObject({ runs: [], hasMore: false, isLoading: true, error: null })
  await act(async () => arrive(json({ runs: [record('b1')], nextCursor: 'more' })))
  await expect.poll(() => act(async () => ids())).toEqual(['b1'])
  expect(bob.asked.filter((call) => call.includes('cursor'))).toEqual([])
})

it('useRuns reports the failure of the new client beside an empty list', async () => {
  ada.answer = () => json({ runs: [record('a1')], nextCursor: null })
  const seen = observed(() => useRuns({}, { refreshMs: 0 }))
  const page = await mount(ada.within(<seen.Observer />))
  await expect.poll(() => act(async () => seen.latest.runs.length)).toBe(1)
  bob.answer = () => json({ code: 'unauthorized', detail: 'Who are you?' }, 401)
  await page.render(bob.within(<seen.Observer />))
  await expect.poll(() => act(async () => seen.latest.error?.message)).toBe('Who are you?')
  expect(seen.latest.runs).toEqual([])
})

it('useRun shows nothing of what another client has read of the same id', async () => {
  ada.answer = () => json({ run: record('r1') })
  const seen = observed(() => useRun('r1'))
  const page = await mount(ada.within(<seen.Observer />))
  ada.client.only().queued('job')
  await expect
    .poll(async () => {
      await frames.next()
      return [seen.latest.run?.id, seen.latest.view?.kind]
    })
    .toEqual(['r1', 'job'])
  await page.render(bob.within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ run: null, view: null, status: 'connecting' })
  expect([ada.client.open().length, bob.client.open().length]).toEqual([0, 1])
})

it.each([
  [
    'useJob',
    () => useJob(),
    (used: ReturnType<typeof useJob>) => used.startJob({ project: 'web', tool: 't' }),
  ],
  [
    'useSession',
    () => useSession(),
    (used: ReturnType<typeof useSession>) => used.startSession({ project: 'web', prompt: 'p' }),
  ],
] as const)('%s does not follow, with another client, what it started', async (_name, hook, start) => {
  ada.answer = (call) => (call.startsWith('POST') ? json({ run: record('a1') }, 201) : undefined)
  const seen = observed(hook as () => ReturnType<typeof useJob>)
  const page = await mount(ada.within(<seen.Observer />))
  await act(async () =>
    expect(await (start as (used: unknown) => Promise<string | null>)(seen.latest)).toBe('a1'),
  )
  expect(seen.latest).toMatchObject({ runId: 'a1', isRunning: true })
  await page.render(bob.within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ runId: null, isRunning: false, status: 'idle' })
  expect(bob.client.followings).toEqual([])
})

it('a job whose start is answered after the change of the client is not followed, and is not pending', async () => {
  let arrive = (_: Response) => {}
  ada.answer = () =>
    new Promise((resolve) => {
      arrive = resolve
    })
  const seen = observed(() => useJob())
  const page = await mount(ada.within(<seen.Observer />))
  await act(async () => void seen.latest.startJob({ project: 'web', tool: 't' }))
  expect(seen.latest.isRunning).toBe(true)
  await page.render(bob.within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ runId: null, isRunning: false })
  await act(async () => arrive(json({ run: record('a1') }, 201)))
  expect(seen.latest).toMatchObject({ runId: null, isRunning: false })
  expect([...ada.client.open(), ...bob.client.open()]).toEqual([])
})

it('a refusal is not shown with another client, nor with another run', async () => {
  const refuse: Answer = (call) =>
    call.startsWith('POST') ? json({ code: 'not_found', detail: 'Refused' }, 404) : undefined
  ada.answer = refuse
  bob.answer = refuse
  let id = 's1'
  const approvals = observed(() => useApprovals(id))
  const job = observed(() => useJob(id))
  const both = [<approvals.Observer key="1" />, <job.Observer key="2" />]
  const page = await mount(ada.within(both))
  const refused = async () => {
    await act(async () => {
      await approvals.latest.answer('q', { decision: 'allow' })
      await job.latest.startJob({ project: 'web', tool: 't' })
    })
    expect([approvals.latest.error?.message, job.latest.error?.message]).toEqual(['Refused', 'Refused'])
  }
  const both2 = () => [<approvals.Observer key="1" />, <job.Observer key="2" />]
  await refused()
  await page.render(bob.within(both2()))
  expect([approvals.latest.error, job.latest.error]).toEqual([null, null])
  await refused()
  id = 's2'
  await page.render(bob.within(both2()))
  expect([approvals.latest.error, job.latest.error]).toEqual([null, null])
})

it('the store of the page shows nothing of an execution that the client before has started', async () => {
  ada.answer = (call) => (call.startsWith('POST') ? json({ executionId: 'e1' }, 201) : undefined)
  const seen = observed(() => useAgentExecution())
  const page = await mount(ada.within(<seen.Observer />))
  await act(async () => expect(await seen.latest.startExecution('Count')).toBe('e1'))
  expect(useAgentStore.getState().currentExecution?.id).toBe('e1')
  await page.render(bob.within(<seen.Observer />))
  expect(useAgentStore.getState()).toMatchObject({ currentExecution: null, connectionStatus: 'idle' })
  expect(seen.latest).toMatchObject({ currentExecution: null, isExecuting: false, error: null })
  expect([ada.client.open().length, bob.client.open().length]).toEqual([0, 0])
})

it('an execution whose start is answered after the change of the client is neither shown nor cancelled', async () => {
  let arrive = (_: Response) => {}
  ada.answer = () =>
    new Promise((resolve) => {
      arrive = resolve
    })
  bob.answer = waiting
  const seen = observed(() => useAgentExecution())
  const page = await mount(ada.within(<seen.Observer />))
  await act(async () => void seen.latest.startExecution('Count'))
  expect(seen.latest.isExecuting).toBe(true)
  await page.render(bob.within(<seen.Observer />))
  expect(seen.latest.isExecuting).toBe(false)
  await act(async () => seen.latest.cancelExecution())
  await act(async () => arrive(json({ executionId: 'e1' }, 201)))
  expect(useAgentStore.getState().currentExecution).toBeNull()
  expect([...ada.client.open(), ...bob.client.open()]).toEqual([])
  expect([ada.asked, bob.asked]).toEqual([['POST /api/agent/execute'], []])
})

it('an execution that is followed by its id is followed by the new client alone', async () => {
  const seen = observed(() => useAgentSSE('e1'))
  const page = await mount(ada.within(<seen.Observer />))
  ada.client.only().queued('execution')
  ada.client.only().say('execution:started', { task: 'Of Ada', startedAt: 1 })
  await frames.next()
  expect(useAgentStore.getState().currentExecution?.task).toBe('Of Ada')
  await page.render(bob.within(<seen.Observer />))
  expect(useAgentStore.getState().currentExecution).toMatchObject({ id: 'e1', task: null })
  expect(seen.latest.connectionStatus).toBe('connecting')
  expect([ada.client.open().length, bob.client.open().length]).toEqual([0, 1])
})
