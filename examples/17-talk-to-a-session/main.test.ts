import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadScript } from '@millrace/scripted-model'
import { type AgentPlace, agentPlace } from '@millrace/test-support/agents'
import type { ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const script = loadScript(fileURLToPath(new URL('talks.json', import.meta.url)))

let place: AgentPlace
let server: ServerProcess
beforeAll(async () => {
  place = await agentPlace({ script })
  server = await place.start()
})
afterAll(() => place.dispose())

test('it talks with the agent, interrupts a command of ten minutes, and finishes the session', async () => {
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
  const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, 'web'], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout.split('\n')).toEqual([
    'agent says: This is a fixed script, not an AI.',
    'agent says: I see two tests. I am waiting.',
    'admin (queue): Now run them. It takes a while.',
    "agent runs: bash -c 'sleep 600'",
    'admin (interrupt): Stop, that takes too long.',
    'agent says: I stopped.',
    'admin (queue): Thank you. What did you do?',
    'agent says: I began to run the tests, and you stopped me.',
    'completed',
    '',
  ])
})
