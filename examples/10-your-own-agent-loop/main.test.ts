import { fileURLToPath } from 'node:url'

import { type Example, startExample } from '@millrace/test-support/example'
import { scratchFolder } from '@millrace/test-support/folders'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const data = scratchFolder()
const anna = { Authorization: 'Bearer key-of-anna' }
const bert = { Authorization: 'Bearer key-of-bert' }
let example: Example
let url = ''

beforeAll(async () => {
  example = await startExample(main, { STEP_MS: '100', MILLRACE_DATA: data.path })
  url = example.url
})
afterAll(async () => {
  await example.end()
  data.dispose()
})

async function start(body: object = {}): Promise<string> {
  const answer = await fetch(`${url}/count`, {
    method: 'POST',
    headers: { ...anna, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { executionId: string }).executionId
}

const streamOf = async (id: string, headers: Record<string, string> = anna) =>
  (await fetch(`${url}/api/agent/stream/${id}`, { headers })).text()
const typesOf = (text: string) => [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)

test('each step of the loop is an event, from the plan to the result', async () => {
  const id = await start()
  const text = await streamOf(id)
  const tool = ['tool:start', 'tool:complete']
  expect(typesOf(text)).toEqual([
    'run:queued',
    'run:started',
    'execution:started',
    'plan:created',
    'phase:start',
    'thinking',
    ...tool,
    'phase:complete',
    'phase:start',
    // README.md, agent.ts, main.test.ts and main.ts
    ...[tool, tool, tool, tool].flat(),
    'phase:complete',
    'execution:complete',
  ])
  expect(text).toMatch(/"result":\{"files":4,"words":\d{3,}\}/)
  expect(await streamOf(id, { ...anna, 'Last-Event-ID': '17' })).toBe(text.slice(text.indexOf('id: 18\n')))
})

test('an execution is its user’s, and ends at once when it is cancelled', async () => {
  const id = await start()
  const path = `${url}/api/agent/execute/${id}/cancel`
  const stream = streamOf(id)
  const statuses = []
  for (const headers of [{}, bert, anna, anna])
    statuses.push((await fetch(path, { method: 'POST', headers })).status)
  expect(statuses).toEqual([401, 404, 200, 409])
  expect(await stream).toMatch(/event: execution:error\ndata: .*"code":"cancelled"/)
  expect((await fetch(`${url}/api/agent/stream/${id}`, { headers: bert })).status).toBe(404)
})

test('a tool that fails ends the execution with its message and without its stack', async () => {
  const text = await streamOf(await start({ folder: '/there/is/no/such/folder' }))
  expect(typesOf(text).slice(-3)).toEqual(['tool:complete', 'phase:complete', 'execution:error'])
  expect(text).toMatch(/"status":"error"/)
  expect(text).toMatch(/"status":"incomplete"/)
  expect(text).toMatch(/event: execution:error\ndata: \{"error":"ENOENT.*","code":"agent_crashed"\}/)
  expect(text).not.toContain('agent.ts')
})
