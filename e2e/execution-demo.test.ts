/** The demo as an execution, without a key: the program, the real agent SDK, real tools, over HTTP. */
import { applyEvents, newView } from '@millrace/protocol/view'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, it } from 'vitest'

const [scratch, data] = [scratchFolder(), scratchFolder()]
let server: ServerProcess
beforeAll(async () => {
  server = await startServer({ cwd: scratch.path, dataDir: data.path, env: { ANTHROPIC_API_KEY: '' } })
})
afterAll(async () => {
  await server?.end()
  scratch.dispose()
  data.dispose()
})

interface Page {
  events: { seq: number; type: string; data: Record<string, unknown> }[]
}

async function execute(task: string): Promise<Page['events']> {
  const { executionId: id } = await server.json<{ executionId: string }>(
    '/api/agent/execute',
    post({ projectId: 'demo', task }),
  )
  await server.call(`/api/agent/stream/${id}`).then((answer) => answer.text())
  const headers = { accept: 'application/json' }
  return (await server.json<Page>(`/api/runs/${id}/events?limit=10000`, { headers })).events
}

it('the demo works through a plan, and says that it is a script', async () => {
  const events = await execute('Fix the failing test')
  const outline = events.flatMap(({ type, data: { phaseName, toolName, status } }) => {
    if (type === 'text:delta' || type === 'usage') return []
    return [[type, phaseName, toolName, status].filter((part) => part !== undefined).join(' ')]
  })
  expect(outline).toEqual([
    'run:queued',
    'run:started',
    'execution:started',
    'thinking',
    'plan:created',
    'phase:start Find the fault',
    'tool:start Bash',
    'tool:complete Bash error',
    'tool:start Read',
    'tool:complete Read ok',
    'thinking',
    'phase:complete Find the fault',
    'phase:start Repair it',
    'tool:start Edit',
    'tool:complete Edit ok',
    'phase:complete Repair it',
    'phase:start Check the repair',
    'tool:start Bash',
    'tool:complete Bash ok',
    'phase:complete Check the repair',
    'execution:complete',
  ])
  expect(events.find(({ type }) => type === 'run:started')?.data).toMatchObject({
    demo: 'scripted demo model',
  })
  const view = applyEvents(newView('execution'), events)
  expect(view.phases.map(({ name, status }) => [name, status])).toEqual([
    ['Find the fault', 'complete'],
    ['Repair it', 'complete'],
    ['Check the repair', 'complete'],
  ])
  const { runs } = await server.json<{ runs: { id: string }[] }>('/api/runs?limit=1')
  expect(await server.json(`/api/runs/${runs[0]?.id}/changes`)).toMatchObject({
    files: [{ path: 'src/duration.js', status: 'modified', additions: 2, deletions: 2 }],
    commands: [
      { status: 'error', exitCode: 1 },
      { status: 'ok', exitCode: 0 },
    ],
    costUsd: null,
    complete: true,
  })

  // There is nothing left to repair.
  const again = await execute('Fix the failing test')
  expect(again.at(-1)).toMatchObject({ type: 'execution:complete' })
  expect(JSON.stringify(again.at(-1)?.data)).toContain('scripted demo model')
})
