import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type AgentPlace, agentPlace, giveAway } from '@millrace/test-support/agents'
import type { ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import config from './millrace.config.ts'

const cli = fileURLToPath(new URL('../../packages/server/bin/millrace.js', import.meta.url))
let place: AgentPlace
let server: ServerProcess

beforeAll(async () => {
  place = await agentPlace({
    script: { name: 'unused', steps: [{ reply: { content: [{ type: 'text', text: 'unused' }] } }] },
    config: { agents: config.agents },
  })
  writeFileSync(join(place.project(), 'three.txt'), 'one\ntwo\nthree\n')
  giveAway(join(place.project(), 'three.txt'))
  server = await place.start()
})
afterAll(() => place.dispose())

async function ask(prompt: string): Promise<{ stdout: string; stderr: string }> {
  const args = [cli, 'ask', prompt, '--agent', 'line-counter', '--url', server.url]
  return promisify(execFile)(process.execPath, args, {
    env: { ...process.env, MILLRACE_TOKEN: server.token },
  })
}

test('an agent of your own counts the lines of a file of the project, and is refused more than that', async () => {
  expect((await ask('three.txt')).stdout).toBe('3 three.txt\n')
  const { stdout, stderr } = await ask('three.txt; sudo rm -rf /')
  expect(stdout).toContain('I was not allowed to run: wc -l three.txt; sudo rm -rf /')
  expect(stderr).toMatch(/denied: Bash wc -l three\.txt; sudo rm -rf \//)
})
