import { renderToString } from 'react-dom/server'
import { expect, it } from 'vitest'
import { useAgentStore } from '#agent/agent-store'
import { useAgentExecution } from '#agent/use-agent-execution'
import { useAgentSSE } from '#agent/use-agent-sse'
import { MillraceProvider } from '#provider'
import { useApprovals } from '#runs/use-approvals'
import { useJob } from '#runs/use-job'
import { useRun } from '#runs/use-run'
import { useRuns } from '#runs/use-runs'
import { useSession } from '#runs/use-session'
import { mount } from './support/mount.tsx'
import { Frames, scriptedClient } from './support/scripted-client.ts'

function Everything() {
  const { connectionStatus } = useAgentSSE('e1')
  const { isExecuting } = useAgentExecution()
  const thinkingSteps = useAgentStore((state) => state.thinkingSteps)
  const { status } = useRun('r1')
  const job = useJob('j1')
  const session = useSession()
  const { approvals } = useApprovals('s1')
  const { isLoading } = useRuns({}, { refreshMs: 0 })
  const counts = [thinkingSteps.length, job.lines.length, session.items.length, approvals.length]
  return <p>{[connectionStatus, isExecuting, status, session.status, isLoading, ...counts].join(' ')}</p>
}

it('every hook renders on a server, opens nothing there, and is taken over by the page without a difference', async () => {
  const frames = new Frames()
  const client = scriptedClient(() => new Promise(() => {}))
  const page = (
    <MillraceProvider client={client} schedule={frames.schedule}>
      <Everything />
    </MillraceProvider>
  )
  const html = renderToString(page)
  expect(html).toBe('<p>connecting false connecting idle true 0 0 0 0</p>')
  expect(client.followings).toHaveLength(0)
  const { container } = await mount(page, { html })
  expect(client.open().length).toBe(4)
  expect(container.textContent).toBe('connecting true connecting idle true 0 0 0 0')
})

it('hooks without a provider render on a server, where the page has no address', () => {
  const { location } = globalThis
  Reflect.deleteProperty(globalThis, 'location')
  try {
    expect(renderToString(<Everything />)).toContain('connecting')
  } finally {
    Object.defineProperty(globalThis, 'location', { value: location, configurable: true, writable: true })
  }
})
