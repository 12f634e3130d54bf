import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { startServer } from '@millrace/test-support/server'
import { expect, onTestFinished, test } from 'vitest'

const script = fileURLToPath(new URL('follow.sh', import.meta.url))

test('it leaves after two events, gets the others when it comes back, and then a 204', async () => {
  const [project, data] = [scratchFolder(), scratchFolder()]
  const server = await startServer({
    cwd: project.path,
    dataDir: data.path,
    config: {
      projects: { here: { path: project.path } },
      tools: { count: { command: ['sh', '-c', 'echo one; sleep 1; echo two'] } },
      sandbox: { mode: 'off' },
    },
  })
  onTestFinished(async () => {
    await server.end()
    project.dispose()
    data.dispose()
  })
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
  const printed = execFileSync(script, ['here', 'count'], { env, encoding: 'utf8' })
  const [, started = '', left = '', returned = '', over = ''] = printed.split(/^# .*\n/m)
  expect(started).toMatch(/^[0-9a-f-]{36}\n$/)
  expect(left.match(/^id: .*$/gm)).toEqual(['id: 1', 'id: 2'])
  expect(returned.match(/^id: .*$/gm)).toEqual(['id: 3', 'id: 4', 'id: 5'])
  expect(returned).toContain('"line":"two"')
  expect(over).toBe('204\n')
})
