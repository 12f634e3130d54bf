import { act, Component, type ReactNode, Suspense, version } from 'react'
import { expect, it } from 'vitest'
import { MillraceProvider } from '#provider'
import { useRun } from '#runs/use-run'
import { sourcesOf } from '#sources/run-sources'
import { mount, observed, strictly } from './support/mount.tsx'
import { Frames, json, type ScriptedClient, scriptedClient } from './support/scripted-client.ts'

interface Setting {
  client: ScriptedClient
  frames: Frames
  within: (element: ReactNode) => ReactNode
}

function setting(answer?: typeof fetch): Setting {
  const client = scriptedClient(answer)
  const frames = new Frames()
  const within = (element: ReactNode) => (
    <MillraceProvider client={client} schedule={frames.schedule}>
      {element}
    </MillraceProvider>
  )
  return { client, frames, within }
}

/** What is there once a frame has come. */
async function afterFrame<T>(frames: Frames, look: () => T): Promise<T> {
  await frames.next()
  return look()
}

it('the tests run with the React that their project names', ({ task }) => {
  expect(`react-${version.split('.')[0]}`).toBe(task.file.projectName)
})

it('a thousand deltas in a frame render once', async () => {
  const { client, frames, within } = setting()
  const seen = observed(() => useRun('r1', { kind: 'execution' }))
  await mount(within(<seen.Observer />))
  const following = client.only()
  following.queued('execution')
  await frames.next()
  const before = seen.renders
  for (let frame = 0; frame < 3; frame++) {
    for (let n = 0; n < 1000; n++) following.say('text:delta', { messageId: 'm', text: 'x' })
    await frames.next()
  }
  expect(seen.renders - before).toBe(3)
  expect(seen.latest.view?.items.tail).toMatchObject([{ kind: 'text', text: 'x'.repeat(3000) }])
})

it('components that show the same run share one stream, and the last one to leave closes it', async () => {
  const { client, within } = setting()
  const one = observed(() => useRun('r1'))
  const two = observed(() => useRun('r1'))
  const page = await mount(within([<one.Observer key="1" />, <two.Observer key="2" />]))
  expect(client.followings).toHaveLength(1)
  await page.render(within([<one.Observer key="1" />]))
  expect(client.open()).toHaveLength(1)
  await page.render(within([]))
  expect(client.open()).toHaveLength(0)
  expect(sourcesOf(client).size).toBe(0)
})

it('StrictMode, which mounts twice, opens one stream', async () => {
  const { client, within } = setting()
  const seen = observed(() => useRun('r1'))
  await mount(strictly(within(<seen.Observer />)))
  expect(client.followings).toHaveLength(1)
  expect(client.open()).toHaveLength(1)
})

it('a fast change of ids ends with one stream and shows nothing of the runs before', async () => {
  const { client, frames, within } = setting()
  const seen = observed(() => useRun<'job'>(id, { kind: 'job' }))
  let id = 'r0'
  const page = await mount(strictly(within(<seen.Observer />)))
  client.only('r0').queued('job')
  client.only('r0').say('output', { line: 'old', stream: 'stdout' })
  await frames.next()
  expect(seen.latest.view?.lines.tail).toHaveLength(1)
  const old = client.only('r0')
  old.say('output', { line: 'too late', stream: 'stdout' })
  for (id of ['r1', 'r2', 'r3']) await page.render(strictly(within(<seen.Observer />)))
  expect(client.open()).toEqual(client.open('r3'))
  expect(seen.latest).toMatchObject({ view: null, status: 'connecting' })
  old.say('output', { line: 'after the end', stream: 'stdout' })
  expect(frames.waiting).toBe(0)
  client.only('r3').queued('job')
  await frames.next()
  expect(seen.latest.view?.lines.tail).toHaveLength(0)
})

it('what arrives after the end of the component is dropped without a word', async () => {
  const { client, frames, within } = setting()
  const seen = observed(() => useRun('r1'))
  const page = await mount(within(<seen.Observer />))
  const following = client.only()
  following.queued('job')
  await page.unmount()
  const { renders } = seen
  following.say('output', { line: 'x', stream: 'stdout' })
  following.become('reconnecting')
  await frames.next()
  expect(frames.waiting).toBe(0)
  expect(seen.renders).toBe(renders)
})

it('a thousand mounts leave no stream, source or frame behind', async () => {
  const { client, frames, within } = setting()
  const seen = observed(() => useRun('r1'))
  for (let n = 0; n < 1000; n++) {
    const page = await mount(n % 2 === 0 ? within(<seen.Observer />) : strictly(within(<seen.Observer />)))
    client.only().queued('job')
    await page.unmount()
  }
  expect(client.followings).toHaveLength(1000)
  expect(client.open()).toHaveLength(0)
  expect(sourcesOf(client).size).toBe(0)
  expect(frames.waiting).toBe(0)
  expect(document.body.childElementCount).toBe(0)
})

it('a component that is suspended before its first commit opens no stream, and one afterwards', async () => {
  const { client, within } = setting()
  let isReady = false
  let wake = () => {}
  const ready = new Promise<void>((resolve) => {
    wake = resolve
  })
  const seen = observed(() => useRun('r1'))
  const Late = () => {
    seen.Observer()
    if (!isReady) throw ready
    return <p>here</p>
  }
  const page = await mount(
    strictly(
      within(
        <Suspense fallback="wait">
          <Late />
        </Suspense>,
      ),
    ),
  )
  expect(page.container.textContent).toBe('wait')
  expect(client.followings).toHaveLength(0)
  isReady = true
  await act(async () => wake())
  expect(page.container.textContent).toBe('here')
  expect(client.followings).toHaveLength(1)
})

it('a component that throws while it renders opens no stream', async () => {
  const { client, within } = setting()
  class Catching extends Component<{ children: ReactNode }> {
    override state = { has: false }
    static getDerivedStateFromError = () => ({ has: true })
    override render = () => (this.state.has ? 'caught' : this.props.children)
  }
  const Broken = ({ isBroken }: { isBroken: boolean }) => {
    useRun('r1')
    if (isBroken) throw null // React reports an Error in the console.
    return null
  }
  const before = console.error
  console.error = () => {}
  const swallow = (event: Event) => event.preventDefault()
  addEventListener('error', swallow)
  const page = await mount(
    within(
      <Catching>
        <Broken isBroken />
      </Catching>,
    ),
  )
  removeEventListener('error', swallow)
  console.error = before
  expect(page.container.textContent).toBe('caught')
  expect(client.followings).toHaveLength(0)
})

it('a reset empties the view, and the log that follows fills it again', async () => {
  const { client, frames, within } = setting()
  const seen = observed(() => useRun<'job'>('r1'))
  await mount(within(<seen.Observer />))
  const following = client.only()
  following.queued('job')
  following.say('output', { line: 'old', stream: 'stdout' })
  await frames.next()
  following.reset({ reason: 'pruned', firstSeq: 5, head: 6 })
  following.say('output', { line: 'new', stream: 'stdout' })
  await frames.next()
  expect(seen.latest.view).toMatchObject({ head: 5 })
  expect(seen.latest.view?.lines.tail).toEqual([{ seq: 5, text: 'new', stream: 'stdout', isCut: false }])
})

it('a run whose beginning was pruned is shown as the kind that its record names', async () => {
  const { client, frames, within } = setting(async () =>
    json({ run: { id: 'r1', kind: 'job', state: 'running' } }),
  )
  const seen = observed(() => useRun('r1'))
  await mount(within(<seen.Observer />))
  client.only().reset({ reason: 'pruned', firstSeq: 7, head: 8 })
  client.only().say('output', { line: 'kept', stream: 'stderr' })
  await expect.poll(() => frames.waiting).toBe(1)
  await expect.poll(() => afterFrame(frames, () => seen.latest.view)).toMatchObject({ kind: 'job', head: 7 })
  expect(seen.latest.run).toMatchObject({ id: 'r1' })
})

it('the record of a run is read again when the run ends', async () => {
  const states = ['running', 'completed']
  const { client, frames, within } = setting(async () =>
    json({ run: { id: 'r1', kind: 'job', state: states.shift() } }),
  )
  const seen = observed(() => useRun('r1'))
  await mount(within(<seen.Observer />))
  await expect.poll(() => afterFrame(frames, () => seen.latest.run?.state)).toBe('running')
  client.only().queued('job')
  client.only().say('complete', { exitCode: 0 })
  await expect.poll(() => afterFrame(frames, () => seen.latest.run?.state)).toBe('completed')
  expect(states).toEqual([])
})

it('without an id nothing is followed, and the status is idle', async () => {
  const { client, within } = setting()
  const seen = observed(() => useRun(null))
  await mount(within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ view: null, run: null, status: 'idle', error: null })
  expect(client.followings).toHaveLength(0)
})

it('a view of another kind than the one asked for is not handed out', async () => {
  const { client, frames, within } = setting()
  const seen = observed(() => useRun('r1', { kind: 'job' }))
  await mount(within(<seen.Observer />))
  client.only().queued('session')
  await frames.next()
  expect(seen.latest.view).toBeNull()
})
