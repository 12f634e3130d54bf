/**
 * Agents of other vendors, unmodified, each against a scripted stand-in for its provider. Part of `npm run test:full`: they are
 * installed on demand, below MILLRACE_TEST_AGENTS (/var/tmp/millrace-test-agents), without running their install scripts.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from '@millrace/scripted-model'
import { describe, expect, it } from 'vitest'
import { type AgentPresetName, agentPresets } from '#config/agents/presets'
import type { AgentEntry } from '#config/config'
import { say, serve } from '#test/agents/claude/support/sessions'
import { openAgents, scripted } from './support/agents.ts'

interface Other {
  preset: AgentPresetName
  install: string
  /** Below its directory. */
  program: string
  args: readonly string[]
  /** Names of its tools, and what they take. */
  write(path: string, content: string): { name: string; input: Record<string, string> }
  shell(command: string): { name: string; input: Record<string, string> }
  entry(modelUrl: string): Partial<AgentEntry>
  /** Before each call, with its preset. */
  asks: boolean
  /** Gemini CLI does not always find a conversation again that was cut short. */
  resumesAfterAbort: boolean
}

const others: readonly Other[] = [
  {
    preset: 'gemini',
    install: '@google/gemini-cli@0.61.0',
    program: 'node_modules/@google/gemini-cli/bundle/gemini.js',
    args: ['--acp'],
    write: (file_path, content) => ({ name: 'write_file', input: { file_path, content } }),
    shell: (command) => ({ name: 'run_shell_command', input: { command } }),
    entry: (url) => ({
      gateway: { vendor: 'google', upstream: { baseUrl: url, apiKey: 'made-up-gemini-key' } },
    }),
    asks: true,
    resumesAfterAbort: false,
  },
  {
    preset: 'opencode',
    install: 'opencode-ai@1.18.33',
    program: 'node_modules/opencode-linux-x64/bin/opencode',
    args: ['acp'],
    write: (filePath, content) => ({ name: 'write', input: { filePath, content } }),
    shell: (command) => ({ name: 'bash', input: { command, description: 'Runs it' } }),
    entry: (url) => ({
      files: new Map([
        [
          '.config/opencode/opencode.json',
          JSON.stringify({
            model: 'local/some-model',
            provider: {
              local: {
                npm: '@ai-sdk/openai-compatible',
                options: { baseURL: `${url}/v1`, apiKey: 'made-up' },
                models: { 'some-model': {} },
              },
            },
          }),
        ],
      ]),
    }),
    asks: true,
    resumesAfterAbort: true,
  },
  {
    preset: 'codex',
    install: '@agentclientprotocol/codex-acp@2.6.0',
    program: 'node_modules/@agentclientprotocol/codex-acp/dist/index.js',
    args: [],
    write: (path, content) => ({ name: 'exec_command', input: { cmd: `printf '${content}' > ${path}` } }),
    shell: (cmd) => ({ name: 'exec_command', input: { cmd } }),
    entry: (url) => ({
      gateway: { vendor: 'openai', upstream: { baseUrl: url, apiKey: 'made-up-openai-key' } },
    }),
    asks: false,
    resumesAfterAbort: true,
  },
]

const home = process.env.MILLRACE_TEST_AGENTS ?? '/var/tmp/millrace-test-agents'

/** Returns why the agent cannot be installed here; null if it is. */
function installed({ preset, install, program }: Other): string | null {
  const directory = join(home, preset)
  if (existsSync(join(directory, program))) return null
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  writeFileSync(join(directory, 'package.json'), '{}')
  try {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', install], {
      cwd: directory,
      stdio: 'pipe',
      timeout: 300_000,
    })
  } catch (error) {
    return `npm could not install ${install}: ${String((error as { stderr?: unknown }).stderr).slice(0, 300)}`
  }
  return existsSync(join(directory, program)) ? null : `${install} has no ${program}`
}

const prices = ['openai', 'google'].map((provider) => ({ provider, price: { input: 1, output: 1 } }))

const agents = openAgents()
const file = (name: string) => join(agents.project, name)

describe.runIf(process.env.MILLRACE_TEST_FULL)('agents of other vendors', () => {
  for (const other of others) {
    const missing = process.env.MILLRACE_TEST_FULL ? installed(other) : null
    const because = missing === null ? '' : ` (${missing})`
    it.skipIf(missing !== null)(
      `${other.preset} works, asks as its preset says, is cut short, and is resumed${because}`,
      () => works(other),
      600_000,
    )
  }
})

async function works(other: Other): Promise<void> {
  const { preset, write, shell, asks } = other
  const policy = { approvals: 'on', unreadableBash: 'ask' } as const
  // One for all runs: a home keeps the configuration that it began with.
  const model = await serve([
    say('I remember', { text: 'And now?' }),
    step(shell('tail -f /dev/null'), { text: 'Wait' }),
    step(write(file(`${preset}.txt`), 'by an agent'), { turn: 1 }),
    step(shell('echo ran > ran.txt'), { turn: 2 }),
    // Refused before it runs, where the agent asks.
    ...(asks ? [step(shell('sudo rm -rf /'), { turn: 3 })] : []),
    say('All done'),
  ])
  const entry = entryOf(other, model.url)
  const options = { models: prices }
  const first = await agents.run({ entry, policy, prompt: 'Write a file', options })
  expect(first.outcome.error).toBeNull()
  expect(readFileSync(file(`${preset}.txt`), 'utf8')).toContain('by an agent')
  expect(existsSync(file('ran.txt'))).toBe(true)
  rmSync(file('ran.txt'))
  const denied = first.context
    .of('permission:denied')
    .map(({ input }) => (input as { command: string }).command)
  expect(denied).toEqual(asks ? ['sudo rm -rf /'] : [])
  expect(first.context.of('acp:tool_call').length).toBeGreaterThanOrEqual(2)
  expect(JSON.stringify(first.context.events)).not.toContain('made-up-')
  if (entry.gateway !== null) expect(first.outcome.usage?.costUsd).toBeGreaterThan(0)

  const cut = agents.prepare({ entry, policy, prompt: 'Wait', resumes: first.context })
  const ended = cut.run()
  await expect.poll(() => JSON.stringify(cut.context.events), { timeout: 300_000 }).toContain('tail -f')
  cut.context.end()
  // That no process is left is checked after every run.
  expect((await ended).outcome.data).toMatchObject({ reason: 'aborted' })

  if (!other.resumesAfterAbort) return
  const third = await agents.run({ entry, policy, prompt: 'And now?', resumes: cut.context })
  expect(third.outcome.error).toBeNull()
  expect(third.outcome).toMatchObject({ state: 'completed', result: { text: 'I remember' } })
  expect(JSON.stringify(model.requests.at(-1))).toContain('Write a file')
}

function step({ name, input }: { name: string; input: Record<string, string> }, when: Step['when']): Step {
  const usage = { input_tokens: 1000, output_tokens: 10 }
  return { when, reply: { content: [{ type: 'tool_use', name, input }], usage } }
}

function entryOf(other: Other, url: string): AgentEntry {
  const { mode, auth, env } = agentPresets[other.preset] as { mode?: string; auth?: string; env: object }
  const directory = join(home, other.preset)
  const plain = Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === 'string'))
  const { env: own = {}, ...entry } = other.entry(url)
  return scripted({
    name: other.preset,
    command: [
      ...(other.program.endsWith('.js') ? (['node'] as const) : []),
      join(directory, other.program),
      ...other.args,
    ] as never,
    mode,
    auth,
    // An agent behind the gateway reaches nothing else.
    network: entry.gateway === undefined ? [new URL(url).host] : [],
    read: [directory],
    ...entry,
    env: { ...plain, ...own },
  })
}
