import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const [scratch, data] = [scratchFolder(), scratchFolder()]
let server: ServerProcess

beforeAll(async () => {
  // No key: the server has the scripted demo model, and a project for it.
  server = await startServer({ cwd: scratch.path, dataDir: data.path, env: { ANTHROPIC_API_KEY: '' } })
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

test('it prints what the agent says and does, and ends with 0 when the session completed', async () => {
  const { code, stdout, stderr } = await run('demo', 'Fix the failing test')
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('"command":"npm test"') })
  expect(stdout.split('\n')[0]).toMatch(/^This is the scripted demo model: a fixed script, not an AI\./)
  expect(stdout).toContain('All tests pass.')
  expect(stderr).toMatch(/\[5 turns, \$0\.00\]\n$/)
})

test('it says why a session could not be started', async () => {
  expect(await run('nowhere', 'Hello')).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere') })
})
