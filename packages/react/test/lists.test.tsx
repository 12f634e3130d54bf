import { act } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  MillraceProvider,
  useAgentExecution,
  useAgentSSE,
  useAgentStore,
  useJob,
  useRun,
  useRuns,
  useSession,
} from '#index'
import { mount } from './support/mount.ts'
import { scriptedClient, scriptedFrames, started } from './support/scripted-client.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

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

const Runs = ({ project }: { project: string }) => {
  const { runs, error } = useRuns({ project })
  return `${runs?.map(({ id }) => id).join() ?? 'none yet'} ${error?.message ?? ''}`
}

it('a list is asked for again while it is shown, and never after', async () => {
  let answer = ['a']
  const list = vi.fn(async () => ({ runs: answer.map((id) => ({ id })), nextCursor: null }))
  const { provided } = rig({ list })
  const page = await mount(provided(<Runs project="web" />))
  expect(page.text).toBe('a ')
  answer = ['b', 'a']
  await act(async () => vi.advanceTimersByTimeAsync(2000))
  expect(page.text).toBe('b,a ')
  await page.unmount()
  const asked = list.mock.calls.length
  await vi.advanceTimersByTimeAsync(60_000)
  expect(list.mock.calls.length).toBe(asked)
  expect(vi.getTimerCount()).toBe(0)
})

it('another filter shows nothing of the list before, whichever answer comes first', async () => {
  const answers: Record<string, (ids: string[]) => void> = {}
  const list = vi.fn(
    ({ project = '' }: { project?: string }) =>
      new Promise((resolve) => {
        answers[project] = (ids) => resolve({ runs: ids.map((id) => ({ id })), nextCursor: null })
      }),
  )
  const { provided } = rig({ list })
  const page = await mount(provided(<Runs project="one" />))
  await page.render(provided(<Runs project="two" />))
  expect(page.text).toBe('none yet ')
  await act(async () => answers.two?.(['2']))
  await act(async () => answers.one?.(['1']))
  expect(page.text).toBe('2 ')
})

it('a failing request keeps the list and says why', async () => {
  const list = vi
    .fn()
    .mockResolvedValueOnce({ runs: [{ id: 'a' }], nextCursor: null })
    .mockResolvedValueOnce({ runs: [{ id: 'a' }], nextCursor: null })
    .mockRejectedValue(new Error('unreachable'))
  const { provided } = rig({ list })
  const page = await mount(provided(<Runs project="web" />))
  await act(async () => vi.advanceTimersByTimeAsync(2000))
  expect(page.text).toBe('a unreachable')
})

it('a job that the hook starts is followed to its end', async () => {
  const start = vi.fn(async () => ({ id: 'j1' }))
  const { server, frames, provided } = rig({ start })
  let job: ReturnType<typeof useJob> | undefined
  const Job = () => {
    job = useJob()
    return `${job.status} ${job.isRunning} ${job.view?.state ?? ''}`
  }
  const page = await mount(provided(<Job />))
  expect(page.text).toBe('idle false ')
  await act(async () => {
    await job?.start({ tool: 'test', project: 'web' })
  })
  expect(start).toHaveBeenCalledWith({ kind: 'job', tool: 'test', project: 'web' })
  expect(page.text).toBe('connecting true ')
  server.now.status('open')
  server.now.send(...started('job'))
  await frames.frame()
  expect(page.text).toBe('open true running')
  server.now.send(['complete', { exitCode: 0 }])
  await frames.frame()
  expect(page.text).toBe('open false completed')
})

it('a session that is resumed is shown in place of the one before', async () => {
  const resume = vi.fn(async () => ({ id: 's2' }))
  const { server, provided } = rig({ resume })
  let session: ReturnType<typeof useSession> | undefined
  const Session = ({ id }: { id: string }) => {
    session = useSession(id)
    return session.runId
  }
  const page = await mount(provided(<Session id="s1" />))
  await act(async () => {
    await session?.resume({ prompt: 'and now the docs' })
  })
  expect(resume).toHaveBeenCalledWith('s1', { prompt: 'and now the docs' })
  expect(page.text).toBe('s2')
  expect(server.open().map(({ runId }) => runId)).toEqual(['s2'])
  await page.render(provided(<Session id="s3" />))
  expect(page.text).toBe('s3')
})

it('a server renders every hook as not yet connected, and asks for nothing', () => {
  const { server, provided } = rig()
  const Everything = () => {
    useAgentSSE('e')
    const { connectionStatus } = useAgentStore()
    const { isExecuting } = useAgentExecution()
    const { runs } = useRuns()
    const { status } = useRun('r')
    const { isRunning } = useJob()
    const { approvals } = useSession('s')
    return JSON.stringify([connectionStatus, isExecuting, runs, status, isRunning, approvals])
  }
  const html = renderToString(provided(<Everything />)).replaceAll('&quot;', '"')
  expect(html).toBe('["idle",false,null,"connecting",false,[]]')
  expect(server.followings).toEqual([])
})
