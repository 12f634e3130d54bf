import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadScript } from '@millrace/scripted-model'
import { type AgentPlace, agentPlace, giveAway } from '@millrace/test-support/agents'
import type { ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import config from './millrace.config.json' with { type: 'json' }

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const commands = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))
const script = loadScript(fileURLToPath(new URL('work.json', import.meta.url)))

let place: AgentPlace
let server: ServerProcess
beforeAll(async () => {
  place = await agentPlace({ script, config: { policy: config.policy } })
  writeFileSync(join(place.project(), 'README.md'), 'one\n')
  giveAway(join(place.project(), 'README.md'))
  server = await place.start()
})
afterAll(() => place.dispose())

test('an editor is closed while the agent works, and finds everything when it is opened again', async () => {
  const env = {
    ...process.env,
    PATH: `${commands}${delimiter}${process.env.PATH}`,
    MILLRACE_URL: server.url,
    MILLRACE_TOKEN: server.token,
    XDG_STATE_HOME: join(place.path, 'state'),
  }
  const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, 'web'], { env, timeout: 100_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  const [first, second] = ended.stdout.split('--- the editor is closed; the agent works on ---\n')
  expect(first?.split('\n')).toEqual([
    'you: How long is the README?',
    'agent: This is a fixed script, not an AI.I count.',
    'agent runs: Bash $(echo wc -l) README.md',
    'may it run this? Bash $(echo wc -l) README.md (yes)',
    'agent: It is short.',
    'you: Wait a moment, please.',
    'agent: I wait.',
    "agent runs: Bash bash -c 'sleep 2'",
    '',
  ])
  expect(second?.split('\n')).toEqual([
    'you: How long is the README?',
    'agent: This is a fixed script, not an AI.I count.',
    'agent runs: Bash $(echo wc -l) README.md',
    'agent: It is short.',
    'you: Wait a moment, please.',
    'agent: I wait.',
    "agent runs: Bash bash -c 'sleep 2'",
    'agent: I waited while you were away.',
    '',
  ])
})
