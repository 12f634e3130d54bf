/** The policy as a callback for programs that call the agent SDK's query() themselves. */
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type CanUseTool, type Options, query } from '@anthropic-ai/claude-agent-sdk'
import { startScriptedModel } from '@millrace/scripted-model'
import { temporaryFolder } from '@millrace/test-support/folders'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type CanUseToolOptions, canUseTool, createCanUseTool } from '#index'

const about = {
  signal: new AbortController().signal,
  toolUseID: 'toolu_1',
  requestId: 'request_1',
} satisfies Parameters<CanUseTool>[2]

const bash = (decide: CanUseTool, command: string) => decide('Bash', { command }, about)

describe('canUseTool', () => {
  it("canUseTool has the type of the agent SDK's option", () => {
    const options: Options = { canUseTool }
    expect(options.canUseTool).toBe(canUseTool)
  })

  it('canUseTool allows work in the current directory, with the input that was judged', async () => {
    const input = { command: 'npm test' }
    expect(await canUseTool('Bash', input, about)).toEqual({ behavior: 'allow', updatedInput: input })
    const file = { file_path: join(process.cwd(), 'notes.txt'), content: 'hello' }
    expect(await canUseTool('Write', file, about)).toEqual({ behavior: 'allow', updatedInput: file })
  })

  it.each([
    ['a tool that is not listed', 'CronCreate', {}],
    ['a file outside the directory', 'Write', { file_path: '/etc/hosts', content: '' }],
    ['a credential', 'Read', { file_path: '/etc/shadow' }],
    ['harm', 'Bash', { command: 'rm -rf /' }],
    ['a command that cannot be read, as there is no sandbox', 'Bash', { command: 'eval "$X"' }],
    ['an input that is none', 'Bash', {}],
    ['an input that is not even an object', 'Bash', null],
  ])('canUseTool denies %s, with the reason', async (_what, tool, input) => {
    const answer = await canUseTool(tool, input as Record<string, unknown>, about)
    expect(answer).toEqual({ behavior: 'deny', message: expect.stringMatching(/^\S.*\.$/s) })
  })
})

describe('createCanUseTool', () => {
  const place = () => {
    const folder = realpathSync(temporaryFolder())
    const [project, home] = [join(folder, 'project'), join(folder, 'home')]
    mkdirSync(project)
    mkdirSync(home)
    return { projectPath: project, home }
  }

  it('createCanUseTool judges by the given project, home, hidden paths and tools', async () => {
    const at = place()
    const hidden = [join(at.projectPath, 'data')]
    const decide = createCanUseTool({
      ...at,
      cwd: join(at.projectPath, 'src'),
      hidden,
      allowedTools: ['Bash', 'Read'],
    })
    const verdicts = async (calls: [string, Record<string, unknown>][]) =>
      Promise.all(calls.map(async ([tool, input]) => (await decide(tool, input, about))?.behavior))
    const { projectPath, home } = at
    expect(
      await verdicts([
        ['Bash', { command: 'touch ../made' }],
        ['Bash', { command: 'touch ../../made' }],
        ['Read', { file_path: join(projectPath, 'a') }],
        ['Read', { file_path: join(hidden[0] ?? '', 'a') }],
        ['Read', { file_path: join(home, '.ssh', 'id') }],
        ['Write', { file_path: join(projectPath, 'a'), content: '' }],
      ]),
    ).toEqual(['allow', 'deny', 'allow', 'deny', 'deny', 'deny'])
  })

  it('createCanUseTool puts unreadable bash to a person, if there is one to ask', async () => {
    const unreadable = 'eval "$X"'
    const asked: unknown[] = []
    const answering = (decision: 'allow' | 'deny', message?: string): CanUseToolOptions => ({
      ...place(),
      sandboxed: true,
      ask: async (question) => {
        asked.push(question)
        return { decision, ...(message === undefined ? {} : { message }) }
      },
    })
    expect(await bash(createCanUseTool(answering('allow')), unreadable)).toMatchObject({ behavior: 'allow' })
    expect(asked).toEqual([
      {
        tool: 'Bash',
        input: { command: unreadable },
        reason: expect.any(String),
        toolUseId: 'toolu_1',
        signal: about.signal,
      },
    ])
    const refused = await bash(createCanUseTool(answering('deny', 'Not today')), unreadable)
    expect(refused).toEqual({ behavior: 'deny', message: 'Not today' })
    const inside = { ...place(), sandboxed: true }
    expect(await bash(createCanUseTool(inside), unreadable)).toMatchObject({ behavior: 'allow' })
    const careful = createCanUseTool({ ...inside, unreadableBash: 'ask' })
    expect(await bash(careful, unreadable)).toMatchObject({ behavior: 'deny' })
    // Outside a boundary as well, and without a person it is not run.
    const outside = createCanUseTool({ ...answering('allow'), sandboxed: false })
    expect(await bash(outside, unreadable)).toMatchObject({ behavior: 'allow' })
    const alone = createCanUseTool({ ...place(), sandboxed: false })
    expect(await bash(alone, unreadable)).toMatchObject({ behavior: 'deny' })
    // Nobody can allow harm.
    expect(await bash(createCanUseTool(answering('allow')), 'rm -rf /')).toMatchObject({ behavior: 'deny' })
    expect(asked).toHaveLength(3)
  })

  it('createCanUseTool denies when asking fails, or when the answer is not valid', async () => {
    const asking = (ask: () => Promise<unknown>) =>
      createCanUseTool({ ...place(), sandboxed: true, ask: ask as NonNullable<CanUseToolOptions['ask']> })
    const failing = asking(() => Promise.reject(new Error('nobody is there')))
    expect(await bash(failing, 'eval "$X"')).toEqual({
      behavior: 'deny',
      message: 'The policy failed: nobody is there.',
    })
    for (const nonsense of [undefined, null, {}, { decision: 'yes' }]) {
      expect(
        await bash(
          asking(async () => nonsense),
          'eval "$X"',
        ),
      ).toMatchObject({ behavior: 'deny' })
    }
  })
})

describe('with the real agent SDK', () => {
  it('with the real SDK, an allowed call runs, a denied one does not, and the agent learns why', async () => {
    const folder = realpathSync(temporaryFolder())
    const [project, home] = [join(folder, 'project'), join(folder, 'home')]
    mkdirSync(project)
    mkdirSync(home)
    const call = (name: string, input: Record<string, string>) => ({
      content: [{ type: 'tool_use' as const, name, input }],
    })
    const model = await startScriptedModel({
      script: {
        name: 'two calls',
        steps: [
          { when: { turn: 1 }, reply: call('Write', { file_path: '{{cwd}}/made.txt', content: 'made' }) },
          { when: { turn: 2 }, reply: call('Bash', { command: 'touch ../outside.txt' }) },
          { reply: { content: [{ type: 'text', text: '{{result}}' }] } },
        ],
      },
    })
    onTestFinished(() => model.close())
    const mark = process.env.MILLRACE_TEST_MARK
    const conversation = query({
      prompt: 'Make two files',
      options: {
        cwd: project,
        canUseTool: createCanUseTool({ projectPath: project, home }),
        settingSources: [],
        env: {
          PATH: process.env.PATH,
          HOME: home,
          CLAUDE_CODE_TMPDIR: home,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: 'made-up',
          ...(mark === undefined ? {} : { MILLRACE_TEST_MARK: mark }),
        },
      },
    })
    let result = ''
    for await (const message of conversation) {
      if (message.type === 'result' && message.subtype === 'success') result = message.result
    }
    expect(readFileSync(join(project, 'made.txt'), 'utf8')).toBe('made')
    expect(existsSync(join(folder, 'outside.txt'))).toBe(false)
    expect(result).toContain('lies outside the project')
  })
})
