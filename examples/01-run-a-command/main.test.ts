import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const [scratch, data] = [scratchFolder(), scratchFolder()]
let server: ServerProcess

beforeAll(async () => {
  const sh = (script: string) => ({ command: ['sh', '-c', script] })
  server = await startServer({
    cwd: scratch.path,
    dataDir: data.path,
    config: {
      projects: { here: { path: scratch.path } },
      tools: { greet: sh('echo hello; echo oops >&2; exit 3'), missing: { command: ['no-such-program'] } },
      sandbox: { mode: 'off' },
    },
  })
})
afterAll(async () => {
  await server.end()
  scratch.dispose()
  data.dispose()
})

function run(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
}

test('it prints what the tool prints and ends with its exit code', async () => {
  expect(await run('here', 'greet')).toEqual({ code: 3, stdout: 'hello\n', stderr: 'oops\n' })
})

test('it says why a run could not be started', async () => {
  expect(await run('here', 'missing')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Could not start'),
  })
  expect(await run('here', 'unknown')).toMatchObject({ code: 2, stderr: expect.stringContaining('greet') })
})
