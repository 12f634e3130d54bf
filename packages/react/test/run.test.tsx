import { ClientError } from '@millrace/client'
import { itemsOf } from '@millrace/protocol/view'
import { act, Suspense, use } from 'react'
import { expect, it, vi } from 'vitest'
import { MillraceProvider, useApprovals, useMillrace, useRun } from '#index'
import { mount } from './support/mount.ts'
import { scriptedClient, scriptedFrames, started } from './support/scripted-client.ts'

const output = (line: string): [string, unknown] => ['output', { line, stream: 'stdout' }]

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

let renders = 0
function Job({ id }: { id: string | null }) {
  const { view, status, error, retry } = useRun<'job'>(id)
  renders += 1
  const lines = view === null ? [] : [...itemsOf(view.lines)].map(({ text }) => text)
  return (
    <button type="button" onClick={retry}>
      {id} {status} {view?.state} [{lines.join(',')}] {error?.message}
    </button>
  )
}

it('a run is shown as its events arrive, once a frame', async () => {
  const { server, frames, provided } = rig()
  const page = await mount(provided(<Job id="a" />))
  expect(page.text).toContain('a connecting  []')
  server.now.status('open')
  server.now.send(...started('job'), output('one'))
  expect(page.text).toContain('connecting')
  await frames.frame()
  expect(page.text).toContain('a open running [one]')
  server.now.send(output('two'), ['complete', { exitCode: 0 }])
  server.now.status('closed')
  await frames.frame()
  expect(page.text).toContain('a closed completed [one,two]')
})

it('a thousand events between two frames are one render', async () => {
  const { server, frames, provided } = rig()
  await mount(provided(<Job id="a" />))
  server.now.send(...started('job'))
  await frames.frame()
  const before = renders
  for (let n = 0; n < 1000; n++) server.now.send(output(`${n}`))
  expect(frames.waiting).toBe(1)
  await frames.frame()
  // StrictMode renders everything twice.
  expect(renders - before).toBe(2)
})

it('a component that is mounted twice at once, as in StrictMode, opens one connection', async () => {
  const { server, provided } = rig()
  const page = await mount(provided([<Job key="1" id="a" />, <Job key="2" id="a" />, <Job key="3" id="b" />]))
  expect(server.followings.map(({ runId }) => runId)).toEqual(['a', 'b'])
  await page.render(provided([<Job key="2" id="a" />]))
  expect(server.open().map(({ runId }) => runId)).toEqual(['a'])
})

it('another id shows nothing of the run before, also where that one still calls back', async () => {
  const { server, frames, provided } = rig()
  const page = await mount(provided(<Job id="a" />))
  const old = server.now
  old.send(...started('job'), output('old'))
  await page.render(provided(<Job id="b" />))
  expect(old.isOpen).toBe(false)
  old.send(output('late'))
  old.status('reconnecting')
  await frames.frame()
  expect(page.text).toContain('b connecting  []')
  server.now.send(...started('job'), output('new'))
  await frames.frame()
  expect(page.text).toContain('[new]')
})

it('ids that change faster than answers arrive leave only the last one followed', async () => {
  const { server, provided } = rig()
  const page = await mount(provided(<Job id="r0" />))
  for (let n = 1; n <= 50; n++) await page.render(provided(<Job id={`r${n}`} />))
  expect(server.open().map(({ runId }) => runId)).toEqual(['r50'])
  await page.render(provided(<Job id={null} />))
  expect(server.open()).toEqual([])
  expect(page.text).toContain('idle')
})

it('a thousand mounts leave no connection, source or frame behind', async () => {
  const { server, frames, provided } = rig()
  let sources: { size: number } | undefined
  const Look = () => {
    sources = useMillrace().sources
    return null
  }
  const page = await mount(provided(<Look />))
  for (let n = 0; n < 1000; n++) {
    await page.render(
      provided([<Look key="look" />, <Job key={n} id={`run-${n % 7}`} />, <Job key={`x${n}`} id="shared" />]),
    )
    server.open().forEach((each) => {
      each.send(...started('job'))
    })
  }
  await page.render(provided(<Look />))
  expect(server.open()).toEqual([])
  expect(sources?.size).toBe(0)
  expect(frames.waiting).toBe(0)
})

it('a reset builds the view anew from the first kept event', async () => {
  const { server, frames, provided } = rig()
  const page = await mount(provided(<Job id="a" />))
  server.now.send(...started('job'), output('one'))
  await frames.frame()
  server.now.reset(10)
  server.now.send(output('ten'))
  await frames.frame()
  expect(page.text).toContain('[ten]')
})

it('a log whose beginning is gone is shown once the kind of its run is known', async () => {
  const get = vi.fn(async () => ({ kind: 'job' }))
  const { server, frames, provided } = rig({ get })
  const page = await mount(provided(<Job id="a" />))
  server.now.reset(5)
  server.now.send(output('five'))
  await frames.frame()
  server.now.send(output('six'))
  await frames.frame()
  expect(page.text).toContain('[five,six]')
  expect(get).toHaveBeenCalledTimes(1)
})

it('after it has failed, retry tries again', async () => {
  const { server, frames, provided } = rig()
  let retry = () => {}
  const Retrying = () => {
    const run = useRun('a')
    retry = run.retry
    return `${run.status} ${run.error?.message}`
  }
  const page = await mount(provided(<Retrying />))
  server.now.status('failed', new ClientError('gave_up', 'Gave up after 5 failed attempts'))
  await frames.frame()
  expect(page.text).toBe('failed Gave up after 5 failed attempts')
  retry()
  expect(server.now.retries).toBe(1)
  server.now.status('open')
  await frames.frame()
  expect(page.text).toBe('open undefined')
})

it('a component that suspends and comes back keeps the connection of its neighbours, and follows once itself', async () => {
  const { server, provided } = rig()
  let arrive = (_: string) => {}
  const later = new Promise<string>((resolve) => {
    arrive = resolve
  })
  const Suspending = () => {
    useRun('a')
    return use(later)
  }
  const page = await mount(
    provided(
      <Suspense fallback="waiting">
        <Suspending />
      </Suspense>,
    ),
  )
  expect(page.text).toBe('waiting')
  expect(server.followings).toEqual([])
  await act(async () => arrive('here'))
  expect(page.text).toBe('here')
  expect(server.open()).toHaveLength(1)
})

it('the open questions of a run are shown and answered', async () => {
  const answer = vi.fn(async () => ({}))
  const { server, frames, provided } = rig({ answer })
  let allow = async () => {}
  const Questions = () => {
    const { approvals, answer: say } = useApprovals('a')
    const [first] = approvals
    allow = async () => say(first?.approvalId ?? '', 'allow', 'go on')
    return approvals.map(({ tool }) => tool).join()
  }
  const page = await mount(provided(<Questions />))
  const asked = { approvalId: 'q1', toolUseId: 't1', tool: 'Bash', input: {}, reason: 'r', expiresAt: 1 }
  server.now.send(...started('session'), ['permission:requested', asked])
  await frames.frame()
  expect(page.text).toBe('Bash')
  await act(async () => allow())
  expect(answer).toHaveBeenCalledWith('a', 'q1', { decision: 'allow', message: 'go on' })
  server.now.send(['permission:resolved', { approvalId: 'q1', decision: 'allow', by: 'person' }])
  await frames.frame()
  expect(page.text).toBe('')
})
