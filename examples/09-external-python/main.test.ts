import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { quietPort, startServer } from '@millrace/test-support/server'
import { expect, onTestFinished, test } from 'vitest'

const example = fileURLToPath(new URL('main.py', import.meta.url))

test('a producer in Python sends every event once, although the server is killed twice', async () => {
  const [project, data] = [scratchFolder(), scratchFolder()]
  const token = 'a-made-up-token'
  const config = { projects: { here: { path: project.path } }, sandbox: { mode: 'off' } }
  const options = {
    cwd: project.path,
    dataDir: data.path,
    port: await quietPort(),
    env: { MILLRACE_TOKEN: token },
    config,
  }
  let server = await startServer(options)
  onTestFinished(async () => {
    await server.end()
    project.dispose()
    data.dispose()
  })
  const env = {
    ...process.env,
    MILLRACE_URL: server.url,
    MILLRACE_TOKEN: token,
    STEPS: '60',
    STEP_SECONDS: '0.05',
  }
  const child = spawn('python3', [example], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const id = line.trim()
  for (const head of [10, 40]) {
    await expect
      .poll(async () => (await server.json<{ run: { head: number } }>(`/api/runs/${id}`)).run.head)
      .toBeGreaterThan(head)
    await server.end('SIGKILL')
    server = await startServer(options)
  }
  expect(await once(child, 'exit')).toEqual([0, null])
  const { run } = await server.json<{ run: { state: string; result: unknown } }>(`/api/runs/${id}`)
  expect(run).toMatchObject({ state: 'completed', result: { words: 177_000 } })
  const init = { headers: { accept: 'application/json' } }
  const { events } = await server.json<{
    events: { seq: number; type: string; data: { toolCallId?: string } }[]
  }>(`/api/runs/${id}/events?limit=1000`, init)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  const calls = (type: string) =>
    events.filter((event) => event.type === type).map(({ data }) => data.toolCallId)
  const expected = Array.from({ length: 60 }, (_, n) => `c${n}`)
  expect([calls('tool:start'), calls('tool:complete')]).toEqual([expected, expected])
  expect(events.at(-1)?.type).toBe('execution:complete')
})

test('an answer that is cut in the middle is asked for again under the same number', async () => {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    bodies.push(body)
    const answer = JSON.stringify({ firstSeq: 3, lastSeq: 3, duplicate: bodies.length > 1 })
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length })
    if (bodies.length > 1) response.end(answer)
    else response.write(answer.slice(0, 5), () => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const program = `from millrace import Run\nRun("http://127.0.0.1:${port}", "t", "r1").send("a", {})`
  const child = spawn('python3', ['-c', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: 'inherit',
  })
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(bodies).toHaveLength(2)
  expect(bodies[1]).toBe(bodies[0])
})

test('a refusal that a proxy words as a page is raised as a refusal, with its status', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(403, { 'Content-Type': 'text/html' }).end('<h1>Forbidden</h1>')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const program = `
from millrace import Refused, Run
try:
    Run("http://127.0.0.1:${port}", "t", "r1").send("a", {})
except Refused as refused:
    print(refused.status, refused.problem, refused)`
  const child = spawn('python3', ['-c', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // All of it: Python may write one line in several pieces.
  expect(await text(child.stdout)).toBe('403 {} the server answered 403\n')
})
