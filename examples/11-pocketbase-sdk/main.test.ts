import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { startJob } from '@millrace/test-support/jobs'
import { post, quietPort, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const scratch = scratchFolder()
const [dataDir, project] = [join(scratch.path, 'data'), join(scratch.path, 'web')]
const token = 'a-token-made-up-for-this-test'
let start: () => Promise<ServerProcess>
let server: ServerProcess
let child: ChildProcess | null = null
let said = ''

beforeAll(async () => {
  mkdirSync(dataDir)
  mkdirSync(project)
  const port = await quietPort()
  start = () =>
    startServer({
      cwd: scratch.path,
      dataDir,
      port,
      config: {
        projects: { web: { path: project } },
        tools: { quick: { command: ['echo', 'hello'] }, wait: { command: ['sleep', '600'] } },
        sandbox: { mode: 'off' },
      },
      env: { MILLRACE_TOKEN: token },
    })
  server = await start()
})
afterAll(async () => {
  if (child !== null && child.exitCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await server.end()
  scratch.dispose()
})

test('it lists what there is, shows what happens, and misses nothing when the server was away', async () => {
  const before = await startJob(server, 'quick')
  await until(
    async () =>
      (await server.json<{ run: { state: string } }>(`/api/runs/${before}`)).run.state === 'completed',
  )
  child = spawn(process.execPath, [main], {
    env: { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await until(() => said.includes(`list ${before} completed`))
  const live = await startJob(server, 'wait')
  await until(() => said.includes(`create ${live}`) && said.includes(`update ${live} running`))

  // Ended while nobody is connected: the next server closes the run before anybody is connected to it.
  await server.end('SIGKILL')
  server = await start()
  await until(() => said.includes(`list ${live} interrupted`))
  const after = await startJob(server, 'quick')
  await until(() => said.includes(`update ${after} completed`))
  await server.call('/api/admin/prune', post({ days: 0.0000001 }))
  await until(() => said.includes(`delete ${after} completed`))

  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})
