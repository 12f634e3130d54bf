import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadScript } from '@millrace/scripted-model'
import { type AgentPlace, agentPlace, giveAway } from '@millrace/test-support/agents'
import type { ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const script = loadScript(fileURLToPath(new URL('asks.json', import.meta.url)))

let place: AgentPlace
let server: ServerProcess
beforeAll(async () => {
  place = await agentPlace({ script, config: { policy: { unreadableBash: 'ask' } } })
  const file = join(place.project(), 'package.json')
  writeFileSync(file, JSON.stringify({ scripts: { test: 'echo hello' } }))
  giveAway(file)
  server = await place.start()
})
afterAll(() => place.dispose())

test('it allows npm, denies the rest with a reason, and ends with the session', async () => {
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
  const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, 'web', 'Do it'], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toMatch(/^allow: Bash .*npm \$.*\ndeny: Bash .*node -e.*\ncompleted\n$/)
  const results = JSON.stringify(place.model.requests.at(-1))
  expect(results).toContain('Only npm commands may run here without a person.')
})
