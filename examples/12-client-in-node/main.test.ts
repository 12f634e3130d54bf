import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { quietPort, startServer } from '@millrace/test-support/server'
import { expect, onTestFinished, test } from 'vitest'

const example = fileURLToPath(new URL('main.ts', import.meta.url))

test('the example shows each event once, although the server is killed in the middle and starts again', async () => {
  const [project, data] = [scratchFolder(), scratchFolder()]
  const options = {
    cwd: project.path,
    dataDir: data.path,
    port: await quietPort(),
    env: { MILLRACE_TOKEN: 'a-made-up-token' },
    config: {
      projects: { here: { path: project.path } },
      tools: { slow: { command: ['sh', '-c', 'echo one; echo two; sleep 60'] } },
      sandbox: { mode: 'off' },
    },
  }
  let server = await startServer(options)
  onTestFinished(async () => {
    await server.end()
    project.dispose()
    data.dispose()
  })
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: 'a-made-up-token' }
  const child = spawn(process.execPath, [example, 'here', 'slow'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  await expect.poll(() => printed).toContain('two')
  await server.end('SIGKILL')
  await expect.poll(() => printed).toContain('-- reconnecting')
  server = await startServer(options)
  expect(await once(child, 'exit')).toEqual([0, null])
  const events = printed.match(/^\d+ {2}.*$/gm) ?? []
  expect(events.slice(0, 2)).toEqual(['3  one', '4  two'])
  expect(events[2]).toMatch(/^5 {2}The server stopped without warning/)
  expect(events.length).toBe(3)
  expect(printed.trimEnd().endsWith('-- closed')).toBe(true)
})
