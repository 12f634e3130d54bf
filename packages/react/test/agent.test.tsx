/** The store of the page's execution, and the hooks over it. */
import { ClientError } from '@millrace/client'
import type { ReactNode } from 'react'
import { act } from 'react'
import { beforeEach, expect, it } from 'vitest'
import { useAgentStore } from '#agent/agent-store'
import { useAgentExecution } from '#agent/use-agent-execution'
import { useAgentSSE } from '#agent/use-agent-sse'
import { MillraceProvider } from '#provider'
import { sourcesOf } from '#sources/run-sources'
import { mount, observed, strictly, unmountAll } from './support/mount.tsx'
import {
  Frames,
  json,
  type ScriptedClient,
  type ScriptedFollowing,
  scriptedClient,
} from './support/scripted-client.ts'

let frames: Frames
let client: ScriptedClient
let answers: (() => Response | Promise<Response>)[]
let asked: { method: string; url: string; body: unknown }[]

beforeEach(() => {
  frames = new Frames()
  answers = []
  asked = []
  client = scriptedClient(async (url, init) => {
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) : null
    asked.push({ method: init?.method ?? 'GET', url: String(url).replace('http://millrace.test', ''), body })
    const answer = answers.shift()
    if (answer === undefined) throw new Error('no answer')
    return answer()
  })
})

const within = (element: ReactNode) => (
  <MillraceProvider client={client} schedule={frames.schedule}>
    {element}
  </MillraceProvider>
)

function tellStory(following: ScriptedFollowing): void {
  following.queued('external')
  following.say('run:started', { attempt: 1 })
  following.say('execution:started', { task: 'Count', startedAt: 5 })
  const phases = ['a', 'b'].map((id) => ({ id, name: `Phase ${id}`, status: 'pending' }))
  following.say('plan:created', { plan: { goal: 'A count', phases } })
  following.say('phase:start', { phaseId: 'a', phaseName: 'Phase a', phaseIndex: 0 })
  following.say('thinking', { thought: 'Where are they?', iteration: 1 })
  following.say('tool:start', { toolName: 'ls', params: {}, toolCallId: 'c1' })
  following.say('tool:complete', { toolName: 'ls', toolCallId: 'c1', result: 3, duration: 7, status: 'ok' })
}

it('the store shows plan, phases, thoughts and calls of the execution that a component follows', async () => {
  const seen = observed(() => useAgentSSE('e1'))
  await mount(strictly(within(<seen.Observer />)))
  expect(client.followings).toHaveLength(1)
  client.only().become('open')
  tellStory(client.only('e1'))
  await frames.next()
  const state = useAgentStore.getState()
  expect(state.currentExecution).toMatchObject({ id: 'e1', task: 'Count', startedAt: 5, kind: 'external' })
  expect(state).toMatchObject({
    plan: { goal: 'A count' },
    phases: [{ status: 'active' }, { status: 'pending' }],
    currentPhase: { id: 'a' },
    thinkingSteps: [{ thought: 'Where are they?', iteration: 1, phaseId: 'a' }],
    toolCalls: [{ toolCallId: 'c1', status: 'ok', result: 3, durationMs: 7 }],
    isExecuting: true,
    connectionStatus: 'open',
    error: null,
  })
  client.only().say('execution:error', { error: 'Too many steps', code: 'max_iterations' })
  await frames.next()
  expect(useAgentStore.getState()).toMatchObject({
    isExecuting: false,
    error: 'Too many steps',
    currentExecution: { errorCode: 'max_iterations', state: 'errored' },
  })
})

it('a selector of the store renders when its own part changes, once for a thousand thoughts', async () => {
  const sse = observed(() => useAgentSSE('e1'))
  const thoughts = observed(() => useAgentStore((state) => state.thinkingSteps))
  const calls = observed(() => useAgentStore((state) => state.toolCalls))
  await mount(within([<sse.Observer key="1" />, <thoughts.Observer key="2" />, <calls.Observer key="3" />]))
  client.only().become('open')
  tellStory(client.only())
  await frames.next()
  const before = [sse.renders, thoughts.renders, calls.renders]
  for (let n = 0; n < 1000; n++) client.only().say('thinking', { thought: `${n}`, iteration: n })
  await frames.next()
  expect([sse.renders, thoughts.renders, calls.renders].map((count, n) => count - (before[n] ?? 0))).toEqual([
    0, 1, 0,
  ])
  expect(thoughts.latest).toHaveLength(1001)
})

it('the store shows the last subscription, and the one before it when that ends', async () => {
  await mount(within(null))
  const { subscribeToExecution, unsubscribeFromExecution } = useAgentStore.getState()
  subscribeToExecution('e1')
  const leave = subscribeToExecution('e2')
  expect(useAgentStore.getState().currentExecution?.id).toBe('e2')
  await act(async () => leave())
  expect(useAgentStore.getState().currentExecution?.id).toBe('e1')
  expect(client.open()).toHaveLength(1)
  await act(async () => leave())
  expect(useAgentStore.getState().currentExecution?.id).toBe('e1')
  await act(async () => unsubscribeFromExecution('e1'))
  expect(useAgentStore.getState()).toMatchObject({
    currentExecution: null,
    connectionStatus: 'idle',
    isExecuting: false,
  })
  expect(sourcesOf(client).size).toBe(0)
})

it('a thousand mounts of the view and the control leave no stream, subscription or frame behind', async () => {
  const both = observed(() => [useAgentSSE('e1'), useAgentStore((state) => state.plan), useAgentExecution()])
  for (let n = 0; n < 1000; n++) {
    const page = await mount(n % 2 === 0 ? within(<both.Observer />) : strictly(within(<both.Observer />)))
    client.only().queued('execution')
    await page.unmount()
  }
  expect(client.followings).toHaveLength(1000)
  expect(client.open()).toHaveLength(0)
  expect(sourcesOf(client).size).toBe(0)
  expect(frames.waiting).toBe(0)
  expect(useAgentStore.getState()).toMatchObject({ currentExecution: null, connectionStatus: 'idle' })
})

it('a subscription outside of components follows with the client that it is given', async () => {
  const other = scriptedClient(async () => json({}))
  await mount(within(null))
  const leave = useAgentStore.getState().subscribeToExecution('e1', other)
  expect([client.open(), other.open()]).toMatchObject([[], [{}]])
  await act(async () => leave())
  expect(other.open()).toEqual([])
})

it('each of the nine handlers takes its event in without a server', () => {
  const state = useAgentStore.getState()
  state.handleExecutionStarted({ task: 'By hand', startedAt: 1 })
  state.handlePlanCreated({ plan: { goal: 'G', phases: [{ id: 'a', name: 'A', status: 'pending' }] } })
  state.handlePhaseStart({ phaseId: 'a', phaseName: 'A', phaseIndex: 0 })
  state.handleThinking({ thought: 'T', iteration: 1 })
  state.handleToolStart({ toolName: 'ls', params: { path: '.' }, toolCallId: 'c' })
  expect(useAgentStore.getState()).toMatchObject({
    currentExecution: { id: null, task: 'By hand' },
    plan: { goal: 'G' },
    currentPhase: { id: 'a', status: 'active' },
    thinkingSteps: [{ thought: 'T' }],
    toolCalls: [{ status: 'running', input: { path: '.' } }],
    isExecuting: true,
  })
  state.handleToolComplete({ toolName: 'ls', toolCallId: 'c', result: 1, duration: 2, status: 'error' })
  state.handlePhaseComplete({ phaseId: 'a', phaseName: 'A' })
  expect(useAgentStore.getState()).toMatchObject({
    phases: [{ status: 'complete' }],
    toolCalls: [{ status: 'error' }],
  })
  state.handleExecutionComplete({ result: 'R', duration: 3, tokensUsed: null })
  expect(useAgentStore.getState()).toMatchObject({
    currentExecution: { result: 'R' },
    isExecuting: false,
    error: null,
  })
  useAgentStore.setState(useAgentStore.getInitialState(), true)
  state.handleExecutionStarted({ task: 'Again', startedAt: 1, executionId: 'mine' })
  state.handleExecutionError({ error: 'No', code: 'cancelled' })
  expect(useAgentStore.getState()).toMatchObject({
    currentExecution: { id: 'mine', state: 'aborted' },
    error: 'No',
  })
  useAgentStore.setState(useAgentStore.getInitialState(), true)
})

it('a failed connection is not an execution at work, and its error is shown', async () => {
  const seen = observed(() => useAgentSSE('e1'))
  await mount(within(<seen.Observer />))
  const following = client.only()
  tellStory(following)
  following.become('reconnecting', new ClientError('unreachable', 'It does not answer'))
  await frames.next()
  expect(seen.latest).toMatchObject({ connectionStatus: 'reconnecting', error: { code: 'unreachable' } })
  expect(useAgentStore.getState()).toMatchObject({ isExecuting: true, error: null })
  following.become('failed', new ClientError('gave_up', 'Gave up'))
  await frames.next()
  expect(useAgentStore.getState()).toMatchObject({
    isExecuting: false,
    connectionStatus: 'failed',
    error: 'Gave up',
  })
  seen.latest.retry()
  useAgentStore.getState().retry()
  expect(following.retries).toBe(2)
})

it('a run of another kind is refused in words', async () => {
  const seen = observed(() => useAgentSSE('j1'))
  await mount(within(<seen.Observer />))
  client.only().queued('job')
  await frames.next()
  const error = 'The run j1 is a job, not an execution'
  expect(useAgentStore.getState()).toMatchObject({ error, isExecuting: false, items: [] })
})

it('startExecution starts, shows and follows an execution; cancelExecution cancels it', async () => {
  answers.push(
    () => json({ executionId: 'e7' }, 201),
    () => json({ executionId: 'e7', state: 'aborted' }),
  )
  const seen = observed(() => useAgentExecution())
  const page = await mount(strictly(within(<seen.Observer />)))
  expect(seen.latest).toMatchObject({ currentExecution: null, isExecuting: false, error: null })
  let id: string | null = null
  await act(async () => {
    id = await seen.latest.startExecution('Count', { folder: '.' }, { model: 'claude' })
  })
  expect(id).toBe('e7')
  expect(seen.latest).toMatchObject({ currentExecution: { id: 'e7' }, isExecuting: true })
  expect(client.open('e7')).toHaveLength(1)
  await act(async () => seen.latest.cancelExecution())
  const body = { task: 'Count', context: { folder: '.' }, model: 'claude' }
  expect(asked).toEqual([
    { method: 'POST', url: '/api/agent/execute', body },
    { method: 'POST', url: '/api/agent/execute/e7/cancel', body: null },
  ])
  await page.unmount()
  expect(client.open()).toHaveLength(0)
  expect(useAgentStore.getState().currentExecution).toBeNull()
})

it('a refusal of startExecution is shown as the server words it', async () => {
  const refusal = { code: 'agent_unavailable', detail: 'No model is configured', status: 503, title: 'x' }
  answers.push(() => json(refusal, 503))
  const seen = observed(() => useAgentExecution())
  await mount(within(<seen.Observer />))
  await act(async () => expect(await seen.latest.startExecution('Count')).toBeNull())
  expect(seen.latest).toMatchObject({
    currentExecution: null,
    isExecuting: false,
    error: 'No model is configured',
  })
  expect(client.followings).toHaveLength(0)
})

it('an execution that is cancelled while it is being started is cancelled once it has an id', async () => {
  let answer = (_: Response) => {}
  answers.push(
    () => new Promise((resolve) => (answer = resolve)),
    () => json({ executionId: 'e8', state: 'aborted' }),
  )
  const seen = observed(() => useAgentExecution())
  await mount(within(<seen.Observer />))
  await act(async () => void seen.latest.startExecution('Count'))
  expect(seen.latest.isExecuting).toBe(true)
  await act(async () => {
    const cancelled = seen.latest.cancelExecution()
    answer(json({ executionId: 'e8' }, 201))
    await cancelled
  })
  expect(asked.at(-1)).toMatchObject({ url: '/api/agent/execute/e8/cancel' })
})

it('an execution whose start is answered after the end of the component is not followed', async () => {
  let answer = (_: Response) => {}
  answers.push(() => new Promise((resolve) => (answer = resolve)))
  const seen = observed(() => useAgentExecution())
  await mount(within(<seen.Observer />))
  let started: Promise<string | null> | undefined
  await act(async () => {
    started = seen.latest.startExecution('Count')
  })
  await unmountAll()
  answer(json({ executionId: 'e9' }, 201))
  expect(await started).toBe('e9')
  expect(client.followings).toHaveLength(0)
})

it('cancelExecution cancels the execution that is shown, whoever has started it', async () => {
  answers.push(
    () => json({ executionId: 'e1' }, 201),
    () => json({ executionId: 'e2', state: 'aborted' }),
  )
  const seen = observed(() => useAgentExecution())
  await mount(strictly(within(<seen.Observer />)))
  await act(async () => void (await seen.latest.startExecution('Count')))
  let leave = () => {}
  await act(async () => {
    leave = useAgentStore.getState().subscribeToExecution('e2')
  })
  expect(seen.latest.currentExecution?.id).toBe('e2')
  await act(async () => seen.latest.cancelExecution())
  expect(asked.at(-1)?.url).toBe('/api/agent/execute/e2/cancel')
  await act(async () => leave())
})

it('cancelExecution asks the client that follows the execution, also when that is not its own', async () => {
  const calls: string[] = []
  const other = scriptedClient(async (url) => {
    calls.push(String(url).replace('http://millrace.test', ''))
    return json({ executionId: 'e1', state: 'aborted' })
  })
  const seen = observed(() => useAgentExecution())
  const view = observed(() => useAgentSSE('e1'))
  await mount([
    <MillraceProvider key="1" client={client} schedule={frames.schedule}>
      <seen.Observer />
    </MillraceProvider>,
    <MillraceProvider key="2" client={other} schedule={frames.schedule}>
      <view.Observer />
    </MillraceProvider>,
  ])
  await act(async () => seen.latest.cancelExecution())
  expect([calls, asked]).toEqual([['/api/agent/execute/e1/cancel'], []])
})

/** Two starts under way, and what answers them in their order. */
async function startTwice() {
  const pending: ((response: Response) => void)[] = []
  const wait = () => new Promise<Response>((resolve) => void pending.push(resolve))
  answers.push(wait, wait)
  const seen = observed(() => useAgentExecution())
  await mount(strictly(within(<seen.Observer />)))
  await act(async () => {
    void seen.latest.startExecution('One')
    void seen.latest.startExecution('Two')
  })
  return { seen, answer: (start: 0 | 1, response: Response) => act(async () => pending[start]?.(response)) }
}

it.each([[[0, 1]], [[1, 0]]] as const)(
  'of two starts the one that is not refused is shown, whichever is answered first: %j',
  async (order) => {
    const { seen, answer } = await startTwice()
    const refusal = { code: 'too_many_requests', detail: 'Busy', status: 429, title: 'x' }
    for (const start of order) {
      await answer(start, start === 0 ? json({ executionId: 'one' }, 201) : json(refusal, 429))
    }
    expect(seen.latest).toMatchObject({ currentExecution: { id: 'one' }, isExecuting: true, error: 'Busy' })
    expect(client.open('one')).toHaveLength(1)
    answers.push(() => json({ executionId: 'one', state: 'aborted' }))
    await act(async () => seen.latest.cancelExecution())
    expect(asked.at(-1)?.url).toBe('/api/agent/execute/one/cancel')
  },
)

it('a cancel while two executions are being started cancels both', async () => {
  const { seen, answer } = await startTwice()
  answers.push(
    () => json({ executionId: 'one', state: 'aborted' }),
    () => json({ executionId: 'two', state: 'aborted' }),
  )
  let cancelled: Promise<void> | undefined
  await act(async () => {
    cancelled = seen.latest.cancelExecution()
  })
  await answer(0, json({ executionId: 'one' }, 201))
  await answer(1, json({ executionId: 'two' }, 201))
  await act(async () => cancelled)
  expect(asked.slice(2).map(({ url }) => url)).toEqual([
    '/api/agent/execute/one/cancel',
    '/api/agent/execute/two/cancel',
  ])
})

it('of two starts the later one is shown, whichever is answered first', async () => {
  const pending: ((response: Response) => void)[] = []
  const wait = () => new Promise<Response>((resolve) => void pending.push(resolve))
  answers.push(wait, wait)
  const seen = observed(() => useAgentExecution())
  await mount(within(<seen.Observer />))
  await act(async () => {
    void seen.latest.startExecution('One')
    void seen.latest.startExecution('Two')
  })
  await act(async () => pending[1]?.(json({ executionId: 'two' }, 201)))
  await act(async () => pending[0]?.(json({ executionId: 'one' }, 201)))
  expect(seen.latest).toMatchObject({ currentExecution: { id: 'two' } })
  expect(client.followings.map(({ runId }) => runId)).toEqual(['two'])
})
