/** Executions by both engines with real tools in a real project, against a scripted model. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { carriersOf, type Sandbox } from '@millrace/sandbox'
import type { Step } from '@millrace/scripted-model'
import { expectStory } from '@millrace/test-support/story'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ExecutionEngine } from '#agents/agent'
import { createAiSdkEngine } from '#agents/ai-sdk/engine'
import { createClaudeExecutionEngine } from '#agents/claude/execution/engine'
import { planTool } from '#agents/claude/execution/plan'
import { agentTools } from '#agents/tools/tools'
import { createExecutionRunner } from '#runners/execution/runner'
import {
  entriesFor,
  type Format,
  formats,
  madeUpKeys,
  modelName,
  reply,
  say,
  serve,
  use,
} from '#test/agents/ai-sdk/support/executions'
import { RecordingContext } from '#test/agents/claude/support/context'
import { filesOf } from '#test/agents/tools/support/rig'

const workspace = new Workspace()
const project = workspace.project('project', 'somebody')
const { file, link } = filesOf(project, 'somebody')
const bounds = { iterations: 20, tokens: null, seconds: 600, usd: null }
let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await workspace.open([project])
})
afterAll(() => workspace.close())
beforeEach(() => {
  rmSync(join(project, 'docs'), { recursive: true, force: true })
  file('sum.js', 'exports.sum = (a, b) => {\r\n  return a - b\r\n}\r\n', 0o640)
  file(
    'check.js',
    "if (require('./sum.js').sum(1, 2) !== 3) throw new Error('wrong sum')\nconsole.log('right')\n",
  )
})

const ourEngine = (format: Format, { url }: { url: string }) =>
  createAiSdkEngine({ models: entriesFor(format, url), env: madeUpKeys, tools: agentTools(), limits: {} })

/** Our agent's story. */
const ours: Step[] = [
  reply({ turn: 1 }, [
    use('plan', { goal: 'The check succeeds', phases: [{ name: 'Find the fault' }, { name: 'Repair it' }] }),
    use('phase', { phaseId: 'phase-1', status: 'active' }),
  ]),
  reply({ turn: 2 }, [use('shell', { command: 'node check.js' })]),
  reply({ turn: 3, toolResult: { text: 'wrong sum' } }, [
    use('search', { pattern: 'a\\s*-\\s*b', glob: '*.js' }),
  ]),
  reply({ turn: 4, toolResult: { text: '2:   return a - b' } }, [use('read', { path: 'sum.js' })]),
  reply({ turn: 5, toolResult: { text: 'CRLF' } }, [
    use('phase', { phaseId: 'phase-2', status: 'active' }),
    use('edit', { path: 'sum.js', oldText: '{\n  return a - b\n}', newText: '{\n  return a + b\n}' }),
  ]),
  reply({ turn: 6 }, [use('write', { path: 'docs/notes/sum.md', content: 'It adds.\n' })]),
  reply({ turn: 7 }, [use('shell', { command: 'node check.js' })]),
  reply({ turn: 8, toolResult: { text: 'right' } }, [say('It adds now.')]),
]

/** The same by Claude's tools. */
const claudes: Step[] = [
  ...[
    plan('active', 'pending'),
    use('Bash', { command: 'node check.js' }),
    // It has no tool to search.
    use('Bash', { command: 'grep -rn "a - b" --include=*.js .' }),
    use('Read', { file_path: '{{cwd}}/sum.js' }),
    plan('complete', 'active'),
    use('Edit', { file_path: '{{cwd}}/sum.js', old_string: 'return a - b', new_string: 'return a + b' }),
    use('Write', { file_path: '{{cwd}}/docs/notes/sum.md', content: 'It adds.\n' }),
    use('Bash', { command: 'node check.js' }),
  ].map((content, index) => reply({ turn: index + 1 }, [content])),
  reply({ toolResult: { text: 'right' } }, [say('It adds now.')]),
]

function plan(find: string, repair: string) {
  const phases = [
    { name: 'Find the fault', status: find },
    { name: 'Repair it', status: repair },
  ]
  return use(planTool, { goal: 'The check succeeds', phases })
}

async function execute(engine: ExecutionEngine, model: string) {
  const context = new RecordingContext(sandbox, project, { prompt: 'Go' })
  Object.assign(context.run.spec, { task: 'Make the check succeed', model })
  const options = { policy: undefined, hidden: [workspace.dataDir], home: homedir(), bounds }
  const outcome = await createExecutionRunner({ ...options, engineFor: () => engine }).run(context)
  expect(carriersOf(new Set([context.run.id])), 'processes that are left').toEqual([])
  expectStory(context.events)
  return { context, outcome }
}

/** Claude's words for our tools. */
const words: Record<string, string> = {
  shell: 'Bash',
  search: 'Bash',
  read: 'Read',
  edit: 'Edit',
  write: 'Write',
}

function outline(context: RecordingContext): string[] {
  return context.events.flatMap(({ type, data }) => {
    if (!/^(execution|plan|phase|tool):(?!output)/.test(type)) return []
    const { phaseName, toolName, status } = data as Record<string, string | undefined>
    return [[type, phaseName, toolName && (words[toolName] ?? toolName), status].filter(Boolean).join(' ')]
  })
}

const story = [
  'execution:started',
  'plan:created',
  'phase:start Find the fault',
  'tool:start Bash',
  'tool:complete Bash error',
  'tool:start Bash',
  'tool:complete Bash ok',
  'tool:start Read',
  'tool:complete Read ok',
  'phase:complete Find the fault',
  'phase:start Repair it',
  'tool:start Edit',
  'tool:complete Edit ok',
  'tool:start Write',
  'tool:complete Write ok',
  'tool:start Bash',
  'tool:complete Bash ok',
  'phase:complete Repair it',
]

function expectRepaired(): void {
  expect(readFileSync(join(project, 'sum.js'), 'utf8')).toBe(
    'exports.sum = (a, b) => {\r\n  return a + b\r\n}\r\n',
  )
  expect(readFileSync(join(project, 'docs/notes/sum.md'), 'utf8')).toBe('It adds.\n')
  const { uid } = statSync(project)
  for (const path of ['sum.js', 'docs/notes/sum.md']) expect(statSync(join(project, path)).uid).toBe(uid)
}

describe('an execution with real tools in a real project', () => {
  it.each(formats)('our agent repairs the project on a model of the format %s', async (format: Format) => {
    const model = await serve(ours)
    const engine = ourEngine(format, model)
    const { context, outcome } = await execute(engine, modelName(format))
    expect(outcome).toMatchObject({ state: 'completed', error: null })
    expect(outline(context)).toEqual(story)
    expectRepaired()
  })

  it('Claude repairs it, with the same story', async () => {
    const model = await serve(claudes)
    const engine = createClaudeExecutionEngine({
      agent: undefined,
      policy: undefined,
      model: { baseUrl: model.url, apiKey: 'made-up-key', demo: false },
      hidden: [workspace.dataDir],
      home: homedir(),
    })
    const { context, outcome } = await execute(engine, 'claude')
    expect(outcome).toMatchObject({ state: 'completed', error: null })
    expect(outline(context)).toEqual(story)
    expectRepaired()
  })

  it('changes of one file that an answer asks for are all made, in their order, also through a link', async () => {
    file('list.txt', 'one\ntwo\nthree\n')
    link('list.txt', 'alias.txt')
    const model = await serve([
      reply({ turn: 1 }, [
        use('edit', { path: 'list.txt', oldText: 'one', newText: '1' }),
        use('edit', { path: 'alias.txt', oldText: 'two', newText: '2' }),
        use('edit', { path: './list.txt', oldText: 'three', newText: '3' }),
        use('write', { path: 'made/new.txt', content: 'draft' }),
        use('edit', { path: 'made/new.txt', oldText: 'draft', newText: 'text' }),
      ]),
      reply({}, [say('Done.')]),
    ])
    const engine = ourEngine('anthropic', model)
    const { context } = await execute(engine, modelName('anthropic'))
    expect(context.of('tool:complete').map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
    expect(readFileSync(join(project, 'list.txt'), 'utf8')).toBe('1\n2\n3\n')
    expect(readFileSync(join(project, 'made/new.txt'), 'utf8')).toBe('text')
  })

  it('what the policy denies and what the sandbox hides stays out of reach of our agent', async () => {
    file('.git/config', '[core]\n')
    const calls = [
      use('write', { path: '.git/hooks/post-commit', content: 'x' }),
      use('edit', { path: '.git/config', oldText: '[core]', newText: '[other]' }),
      use('write', { path: '../outside', content: 'x' }),
      use('fetch', { url: 'http://169.254.169.254/latest/meta-data' }),
      use('shell', { command: 'rm -rf ../..' }),
      use('fetch', { url: 'http://localhost:1/' }),
      use('read', { path: `${workspace.dataDir}/server.json` }),
    ]
    const model = await serve([reply({ turn: 1 }, calls), reply({ turn: 2 }, [say('No.')])])
    const engine = ourEngine('anthropic', model)
    const { context } = await execute(engine, modelName('anthropic'))
    const ends = context.of('tool:complete').map(({ toolName, status }) => `${toolName} ${status}`)
    expect(ends.sort()).toEqual([
      'edit denied',
      'fetch denied',
      'fetch error',
      'read denied',
      'shell denied',
      'write denied',
      'write denied',
    ])
    const denials = context.of('permission:denied').map(({ toolUseId }) => toolUseId)
    const denied = context.of('tool:complete').filter(({ status }) => status === 'denied')
    expect(denials.sort()).toEqual(denied.map(({ toolCallId }) => toolCallId).sort())
    expect(existsSync(join(workspace.root, 'outside'))).toBe(false)
    expect(readFileSync(join(project, '.git/config'), 'utf8')).toBe('[core]\n')
  })
})
