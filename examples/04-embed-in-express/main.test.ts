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
  example = await startExample(main, { MILLRACE_DATA: data.path })
  url = example.url
})
afterAll(async () => {
  await example.end()
  data.dispose()
})

async function startJob(): Promise<string> {
  const answer = await fetch(`${url}/millrace/api/execute`, {
    method: 'POST',
    headers: { ...anna, 'Content-Type': 'application/json' },
    body: JSON.stringify({ toolId: 'count', projectId: 'demo' }),
  })
  const { data } = (await answer.json()) as { data: { jobId: string } }
  return data.jobId
}

const lines = (text: string) => [...text.matchAll(/"line":"([^"]*)"/g)].map(([, line]) => line)

test('Anna follows her job, and for Bert there is none', async () => {
  const jobId = await startJob()
  for (const path of [`/millrace/api/stream/${jobId}`, `/millrace/api/runs/${jobId}`, `/watch/${jobId}`]) {
    expect((await fetch(url + path, { headers: bert })).status).toBe(404)
  }
  const text = await (await fetch(`${url}/millrace/api/stream/${jobId}`, { headers: anna })).text()
  expect(lines(text)).toEqual(['line 1', 'line 2', 'line 3'])
  expect(text).toContain('event: complete')
})

test('the application’s own session gets the same lines, and ends', async () => {
  const jobId = await startJob()
  const text = await (await fetch(`${url}/watch/${jobId}`, { headers: anna })).text()
  expect(lines(text)).toEqual(['line 1', 'line 2', 'line 3'])
  expect(text).toMatch(/event:\s?complete/)
})

test('a stop ends open streams with what became of the job, and leaves with code 0', async () => {
  const jobId = await startJob()
  const paths = [`/millrace/api/stream/${jobId}`, `/watch/${jobId}`]
  const streams = await Promise.all(paths.map((path) => fetch(url + path, { headers: anna })))
  const texts = streams.map((stream) => stream.text())
  example.child.kill('SIGTERM')
  expect(await example.exited).toEqual([0, null])
  for (const text of await Promise.all(texts)) expect(text).toMatch(/Interrupted|event:\s?complete/)
})
