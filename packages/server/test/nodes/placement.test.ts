/** Which node can work on a run, by what the nodes say of themselves. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, test } from 'vitest'
import { workOf } from '#compose/nodes/announcing'
import { type Announcement, missing, Placement } from '#nodes/placement'

const worker = (over: Partial<Announcement> = {}): Announcement => ({
  version: '0.1.0',
  kinds: ['job', 'session', 'execution'].map((kind) => ({ kind: kind as 'job', unavailable: null })),
  projects: [{ id: 'web', path: '/srv/web' }],
  tools: [{ id: 'test', projects: ['web'] }],
  agents: ['gemini'],
  agent: { unavailable: null, demo: false },
  boundary: 'bubblewrap',
  ...over,
})
const api = worker({
  projects: [{ id: 'api', path: '/srv/api' }],
  tools: [{ id: 'lint', projects: ['api'] }],
  agents: [],
  kinds: [
    { kind: 'job', unavailable: null },
    { kind: 'session', unavailable: null },
    { kind: 'execution', unavailable: 'no model' },
  ],
  agent: { unavailable: 'set ANTHROPIC_API_KEY', demo: false },
})

test('a run has a worker when one and the same node has its project, its kind, and its tool or agent', () => {
  const all = [worker(), api]
  const job = (project: string, tool: string) => missing({ kind: 'job', project, spec: { tool } }, all)
  expect(job('web', 'test')).toBeNull()
  expect(job('api', 'lint')).toBeNull()
  expect(job('api', 'test')).toBe('No worker that has the project api has the tool test')
  expect(job('app', 'test')).toBe('No worker has the project app')
  const session = (project: string, agent?: string) =>
    missing({ kind: 'session', project, spec: { agent } }, all)
  expect(session('web')).toBeNull()
  expect(session('web', 'gemini')).toBeNull()
  expect(session('api')).toBe(
    'No worker that has the project api can run the built-in agent: set ANTHROPIC_API_KEY',
  )
  expect(session('api', 'gemini')).toBe('No worker that has the project api has the agent gemini')
  expect(missing({ kind: 'execution', project: 'api', spec: {} }, all)).toBe(
    'No worker that has the project api takes runs of kind execution: no model',
  )
  expect(missing({ kind: 'execution', project: null, spec: {} }, all)).toBeNull()
  expect(missing({ kind: 'job', project: 'web', spec: { tool: 'test' } }, [])).toBe(
    'No worker is there: every node of this cluster only serves',
  )
})

test('a node announces what changed, sees what others say, and refuses a run only by a fresh look', async () => {
  const clock = new ManualClock()
  let own = worker()
  const said: string[] = []
  let others: Announcement[] = []
  let looks = 0
  const shared = {
    announce: async (text: string) => void said.push(text),
    nodes: async () => {
      looks += 1
      return [said.at(-1) ?? null, ...others.map((other) => JSON.stringify(other)), null].map(
        (announced, n) => ({
          id: `${n}`,
          announced,
        }),
      )
    },
  }
  const placement = new Placement({ shared, own: () => own, after: clock.after, onFailure: () => {} })
  let changes = 0
  placement.onChange(() => {
    changes += 1
  })
  await placement.open()
  await clock.advance(3000)
  expect([said.length, changes]).toEqual([1, 1])
  own = worker({ agents: [] })
  await clock.advance(1000)
  expect([said.length, changes]).toEqual([2, 2])
  const need = { kind: 'job' as const, project: 'api', spec: { tool: 'lint' } }
  await expect(placement.require(need)).rejects.toMatchObject({ code: 'no_worker', status: 503 })
  others = [api]
  await placement.require(need)
  const before = looks
  await placement.require(need)
  expect(looks).toBe(before)
  placement.close()
  expect(clock.pending).toBe(0)
})

test('a node that only serves offers what the workers have, and remembers the names of what is gone', () => {
  let changed = () => {}
  const placement = {
    workers: [worker(), api] as readonly Announcement[],
    onChange: (call: () => void) => {
      changed = call
    },
  }
  for (const each of placement.workers)
    for (const tool of each.tools)
      Object.assign(tool, { command: ['true'], args: [['file', { required: true, pattern: 'a+' }]] })
  const { known, live } = workOf(placement)
  expect([...live.projects.keys()]).toEqual(['web', 'api'])
  expect(live.tools.get('test')).toMatchObject({ projects: ['web'], env: {} })
  expect(live.tools.get('test')?.args.get('file')?.pattern?.matches('aa')).toBe(true)
  placement.workers = [api]
  changed()
  expect([[...live.projects.keys()], [...live.tools.keys()]]).toEqual([['api'], ['lint']])
  expect([[...known.projects.keys()], [...known.tools.keys()]]).toEqual([
    ['web', 'api'],
    ['test', 'lint'],
  ])
})
