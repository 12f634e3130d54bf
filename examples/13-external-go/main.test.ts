import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { quietPort, startServer } from '@millrace/test-support/server'
import { expect, onTestFinished, test } from 'vitest'

const hasGo = spawnSync('go', ['version']).status === 0
const title = 'a producer in Go sends every event once, although the server is killed twice'
if (!hasGo) console.warn(`skipped, since there is no go on the PATH: ${title}`)

test.skipIf(!hasGo)(title, async () => {
  const [project, data, built] = [scratchFolder(), scratchFolder(), scratchFolder()]
  const program = join(built.path, 'producer')
  // Offline: nothing but the standard library is needed.
  const goEnv = {
    ...process.env,
    GOPROXY: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
  }
  for (const args of [
    ['vet', '.'],
    ['build', '-o', program, '.'],
  ]) {
    const { status, stderr } = spawnSync('go', args, { cwd: import.meta.dirname, env: goEnv })
    expect([args[0], status, String(stderr)]).toEqual([args[0], 0, ''])
  }
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
    for (const folder of [project, data, built]) folder.dispose()
  })
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: token, STEPS: '60', STEP: '50ms' }
  const child = spawn(program, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const id = line.trim()
  for (const head of [10, 40]) {
    await expect
      .poll(async () => (await server.json<{ run: { head: number } }>(`/api/runs/${id}`)).run.head)
      .toBeGreaterThan(head)
    await server.end('SIGKILL')
    server = await startServer(options)
  }
  expect(await exited).toEqual([0, null])
  const { run } = await server.json<{ run: { state: string; result: unknown } }>(`/api/runs/${id}`)
  expect(run).toMatchObject({ state: 'completed', result: { words: 177_000 } })
  const { events } = await server.json<{
    events: { seq: number; type: string; data: { toolCallId?: string } }[]
  }>(`/api/runs/${id}/events?limit=1000`, { headers: { accept: 'application/json' } })
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  const calls = (type: string) =>
    events.filter((event) => event.type === type).map((event) => event.data.toolCallId)
  const expected = Array.from({ length: 60 }, (_, n) => `c${n}`)
  expect([calls('tool:start'), calls('tool:complete')]).toEqual([expected, expected])
  expect(events.at(-1)?.type).toBe('execution:complete')
})
