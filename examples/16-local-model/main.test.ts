import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ScriptedModel, startScriptedModel } from '@millrace/scripted-model'
import { giveAway } from '@millrace/test-support/agents'
import { scratchFolder } from '@millrace/test-support/folders'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, test } from 'vitest'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const example = JSON.parse(readFileSync(here('millrace.config.json'), 'utf8'))

let scratch: ReturnType<typeof scratchFolder>
let model: ScriptedModel
let server: ServerProcess
beforeAll(async () => {
  scratch = scratchFolder()
  chmodSync(scratch.path, 0o755)
  const project = join(scratch.path, 'project')
  cpSync(here('../sample-project'), project, { recursive: true })
  for (const path of ['', ...readdirSync(project, { recursive: true, encoding: 'utf8' })])
    giveAway(join(project, path))
  mkdirSync(join(scratch.path, 'data'))
  model = await startScriptedModel({ script: here('local-model.json') })
  const { local } = example.models
  server = await startServer({
    cwd: scratch.path,
    dataDir: join(scratch.path, 'data'),
    config: {
      projects: { 'sample-project': { path: project } },
      tools: {},
      models: { local: { ...local, baseUrl: `${model.url}/v1` } },
    },
    env: { ANTHROPIC_API_KEY: '' },
  })
})
afterAll(async () => {
  await server?.end('SIGKILL')
  await model?.close()
  scratch?.dispose()
})

/** Runs a program of the project with the server's address and token. */
function runProgram(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const env = { ...process.env, MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
}

test('an agent on a local model plans, repairs the project with real tools, and costs nothing', async () => {
  const ended = await runProgram(here('main.ts'), 'sample-project', 'Fix the failing test')
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toMatch(
    /plan: All tests of the project pass\.\n {2}- Find the cause\n {2}- Repair it\n {2}- Check\n/,
  )
  for (const phase of ['Find the cause', 'Repair it', 'Check']) expect(ended.stdout).toContain(`\n${phase}\n`)
  expect(ended.stdout).toMatch(/< shell: error.*\n[\s\S]*< edit: ok.*\n[\s\S]*< shell: ok/)
  expect(ended.stdout).toMatch(/All tests pass.*\n8310 tokens\n$/s)
  expect(readFileSync(join(scratch.path, 'project', 'src', 'duration.js'), 'utf8')).toContain(
    'minutes >= hour',
  )
  const { runs } = await server.json<{ runs: { usage: unknown }[] }>('/api/runs')
  expect(runs[0]?.usage).toMatchObject({ costUsd: 0 })
})

test('the command line shows the plan beside the words of the agent, which alone are its output', async () => {
  const millrace = here('../../packages/server/bin/millrace.js')
  const ended = await runProgram(
    millrace,
    'ask',
    '--plan',
    'Look again',
    '--model',
    'openai-compatible:local',
  )
  expect(ended.code).toBe(0)
  expect(ended.stdout).toMatch(/^This is a script and no AI\.[^▶●]*$/)
  expect(ended.stderr).toMatch(
    /-- plan: All tests of the project pass\.\n {2}· Find the cause\n[\s\S]*▶ Find the cause\n/,
  )
  expect(ended.stderr).toMatch(/-- completed, [\d,]+ tokens, \$0\.00, /)
})
