import { act } from 'react'
import { expect, it, vi } from 'vitest'
import { type AgentState, MillraceProvider, useAgentExecution, useAgentSSE, useAgentStore } from '#index'
import { mount } from './support/mount.ts'
import { scriptedClient, scriptedFrames, started } from './support/scripted-client.ts'

// What an application writes: a view, and a control.
function ExecutionView({ executionId }: { executionId: string | null }) {
  useAgentSSE(executionId)
  const { currentExecution, thinkingSteps, isExecuting, connectionStatus } = useAgentStore()
  return (
    <section>
      <p>
        {connectionStatus} {isExecuting ? 'working' : 'at rest'} {currentExecution?.task}
      </p>
      <ol>
        {currentExecution?.phases.map(({ id, name, status }) => (
          <li key={id}>
            {name}={status}
          </li>
        ))}
      </ol>
      <ul>
        {thinkingSteps.map(({ key, text }) => (
          <li key={key}>“{text}”</li>
        ))}
      </ul>
    </section>
  )
}

function Control() {
  const { startExecution, cancelExecution, currentExecution, isExecuting, error } = useAgentExecution()
  return (
    <form>
      <button type="button" onClick={() => startExecution('Tidy up', { files: ['a.txt'] })}>
        Start
      </button>
      <button type="button" disabled={!isExecuting} onClick={cancelExecution}>
        Cancel
      </button>
      <output>
        {currentExecution?.id} {error}
      </output>
    </form>
  )
}

function rig(calls = {}) {
  const server = scriptedClient(calls)
  const frames = scriptedFrames()
  const provided = (children: React.ReactNode) => (
    <MillraceProvider client={server.client} schedule={frames.schedule}>
      {children}
    </MillraceProvider>
  )
  return { server, frames, provided }
}

const story: [string, unknown][] = [
  ['execution:started', { task: 'Tidy up', startedAt: 1 }],
  ['plan:created', { plan: { goal: 'g', phases: [{ id: 'p1', name: 'Look', status: 'pending' }] } }],
  ['phase:start', { phaseId: 'p1', phaseName: 'Look', phaseIndex: 0 }],
  ['thinking', { thought: 'hm', iteration: 1 }],
  ['tool:start', { toolName: 'list', params: {}, toolCallId: 't1' }],
  ['tool:complete', { toolName: 'list', toolCallId: 't1', result: 'x', duration: 1, status: 'ok' }],
  ['phase:complete', { phaseId: 'p1', phaseName: 'Look' }],
  ['execution:complete', { result: 'done', duration: 5, tokensUsed: 7 }],
]

it('the view shows an execution from its start to its end', async () => {
  const { server, frames, provided } = rig()
  const page = await mount(provided(<ExecutionView executionId="e1" />))
  expect(page.text).toBe('connecting working ')
  server.now.status('open')
  server.now.send(...started('external'), ...story.slice(0, 4))
  await frames.frame()
  expect(page.text).toBe('open working Tidy upLook=active“hm”')
  server.now.send(...story.slice(4))
  server.now.status('closed')
  await frames.frame()
  expect(page.text).toBe('closed at rest Tidy upLook=complete“hm”')
  expect(server.followings).toHaveLength(1)
})

it('the control starts an execution, follows it, and cancels the work', async () => {
  const execute = vi.fn(async () => ({ executionId: 'e9' }))
  const cancel = vi.fn(async () => {})
  const { server, frames, provided } = rig({ execute, cancel })
  let control: ReturnType<typeof useAgentExecution> | undefined
  const Handle = () => {
    control = useAgentExecution()
    return null
  }
  const page = await mount(provided([<Handle key="h" />, <Control key="c" />]))
  await act(async () => {
    expect(await control?.startExecution('Tidy up', 'context', { model: 'claude' })).toBe('e9')
  })
  expect(execute).toHaveBeenCalledWith({ task: 'Tidy up', context: 'context', model: 'claude' })
  expect(server.now.runId).toBe('e9')
  server.now.send(...started('execution'), ...story.slice(0, 3))
  await frames.frame()
  expect(control).toMatchObject({ isExecuting: true, error: null, currentExecution: { id: 'e9' } })
  expect(page.text).toContain('e9')
  await act(async () => control?.cancelExecution())
  expect(cancel).toHaveBeenCalledWith('e9')
  server.now.send(['execution:error', { error: 'Cancelled', code: 'cancelled' }])
  await frames.frame()
  expect(control).toMatchObject({ isExecuting: false, error: 'Cancelled' })
})

it('a refused start is an error in words, and leaves nothing running', async () => {
  const execute = vi.fn(async () => {
    throw new Error('There is no project x')
  })
  const { server, provided } = rig({ execute })
  let control: ReturnType<typeof useAgentExecution> | undefined
  const Handle = () => {
    control = useAgentExecution()
    return control.error
  }
  const page = await mount(provided(<Handle />))
  await act(async () => {
    await expect(control?.startExecution('Tidy up')).rejects.toThrow('There is no project x')
  })
  expect(page.text).toBe('There is no project x')
  expect(control?.isExecuting).toBe(false)
  expect(server.followings).toEqual([])
})

it('of two views the one that asked last is shown, and the other again when that leaves', async () => {
  const { server, frames, provided } = rig()
  const page = await mount(provided([<ExecutionView key="1" executionId="one" />]))
  await page.render(
    provided([<ExecutionView key="1" executionId="one" />, <ExecutionView key="2" executionId="two" />]),
  )
  expect(server.open().map(({ runId }) => runId)).toEqual(['two'])
  await page.render(provided([<ExecutionView key="1" executionId="one" />]))
  expect(server.open().map(({ runId }) => runId)).toEqual(['one'])
  server.now.send(...started('execution'), ['execution:started', { task: 'One', startedAt: 1 }])
  await frames.frame()
  expect(page.text).toContain('One')
  await page.unmount()
  expect(server.open()).toEqual([])
})

it('a part that a selector takes renders only when it changes', async () => {
  const { server, frames, provided } = rig()
  let renders = 0
  const Calls = () => {
    renders += 1
    return useAgentStore(({ toolCalls }) => toolCalls.length)
  }
  const page = await mount(provided([<ExecutionView key="v" executionId="e" />, <Calls key="c" />]))
  server.now.send(...started('execution'), ...story.slice(0, 3))
  await frames.frame()
  const before = renders
  for (let n = 0; n < 100; n++) {
    server.now.send(['text:delta', { text: 'x', messageId: 'm' }])
    await frames.frame()
  }
  expect(renders).toBe(before)
  server.now.send(...story.slice(4, 5))
  await frames.frame()
  expect(page.text).toContain('1')
  expect(renders).toBe(before + 2)
})

it('a run of another kind is refused in words', async () => {
  const { server, frames, provided } = rig()
  const Wrong = () => useAgentSSE('j').error
  const page = await mount(provided(<Wrong />))
  server.now.send(...started('job'))
  await frames.frame()
  expect(page.text).toBe('The run j is a job, not an execution')
})

it('an application with a transport of its own feeds the store by hand', async () => {
  const { provided } = rig()
  let state: AgentState | undefined
  const Handle = () => {
    state = useAgentStore()
    return null
  }
  await mount(provided(<Handle />))
  await act(async () => {
    const now = state as AgentState
    now.handleExecutionStarted({ task: 'T', startedAt: 1, executionId: 'mine' })
    now.handlePlanCreated({ plan: { goal: 'g', phases: [{ id: 'p', name: 'P', status: 'pending' }] } })
    now.handlePhaseStart({ phaseId: 'p', phaseName: 'P', phaseIndex: 0 })
    now.handleThinking({ thought: 'hm', iteration: 1 })
    now.handleToolStart({ toolName: 'read', params: {}, toolCallId: 't' })
  })
  expect(state).toMatchObject({
    isExecuting: true,
    currentExecution: { id: 'mine', task: 'T', goal: 'g', phases: [{ status: 'active' }] },
    thinkingSteps: [{ text: 'hm' }],
    toolCalls: [{ toolName: 'read', status: 'running' }],
  })
  await act(async () => {
    const now = state as AgentState
    now.handleToolComplete({ toolName: 'read', toolCallId: 't', result: 1, duration: 1, status: 'ok' })
    now.handlePhaseComplete({ phaseId: 'p', phaseName: 'P' })
    now.handleExecutionComplete({ result: 'ok', duration: 1, tokensUsed: null })
  })
  expect(state).toMatchObject({ isExecuting: false, currentExecution: { state: 'completed', result: 'ok' } })
  await act(async () => {
    state?.handleExecutionStarted({ task: 'Again', startedAt: 2 })
    state?.handleExecutionError({ error: 'no', code: 'refused' })
  })
  expect(state).toMatchObject({ isExecuting: false, error: 'no', thinkingSteps: [] })
})
