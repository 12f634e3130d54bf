import { describe, expect, it } from 'vitest'
import { load, problemsOf, workspace } from './workspace.ts'

function withTool(tool: object | string, id = 'say'): string {
  return workspace({
    'millrace.config.json': { projects: { web: { path: '.' }, api: { path: '.' } }, tools: { [id]: tool } },
  })
}

async function tool(definition: object) {
  return (await load(withTool({ command: ['echo'], ...definition }))).tools.get('say')
}

describe('a tool', () => {
  it('a tool needs only a command; by default it has no network, no limit, and every project', async () => {
    expect(await tool({})).toEqual({
      id: 'say',
      title: 'say',
      command: ['echo'],
      args: new Map(),
      timeoutSeconds: null,
      network: false,
      env: {},
      projects: ['web', 'api'],
      allowNestedSandbox: false,
      cache: true,
      terminal: null,
      limits: { memoryBytes: undefined, processes: undefined, outputBytes: undefined },
    })
  })

  it('a tool may have limits of its own, and null for no time limit', async () => {
    const limits = { memoryBytes: 2 ** 30, processes: 64, outputBytes: 10_000 }
    expect(await tool({ limits, allowNestedSandbox: true, timeoutSeconds: null })).toMatchObject({
      limits,
      allowNestedSandbox: true,
      timeoutSeconds: null,
    })
  })

  it('a tool declares its arguments, whose patterns match whole values', async () => {
    const args = { who: { pattern: 'a|b+', default: 'bb' }, how: { required: true, values: ['loud', 'low'] } }
    const said = await tool({ command: ['echo', '{who}', '{how}'], args })
    expect(said?.args.get('how')).toEqual({
      required: true,
      default: undefined,
      pattern: undefined,
      values: ['loud', 'low'],
    })
    const pattern = said?.args.get('who')?.pattern
    expect(['a', 'bbb'].every((value) => pattern?.matches(value))).toBe(true)
    expect(['', 'ab', 'xa', 'a\n', 'bb;rm'].some((value) => pattern?.matches(value))).toBe(false)
  })

  it.each<[string, object, string, RegExp]>([
    ['no command', { command: undefined }, 'command', /a list of strings.*missing/],
    ['a shell string', { command: 'echo hi' }, 'command', /a list of strings.*not "echo hi"/],
    ['an empty command', { command: [] }, 'command', /at least the program/],
    ['an empty program', { command: ['', 'x'] }, 'command.0', /the name of a program/],
    ['a number in the command', { command: ['sleep', 5] }, 'command.1', /a string, not 5/],
    ['a NUL in the command', { command: ['echo', 'a\0b'] }, 'command.1', /a string/],
    ['time limit 0', { timeoutSeconds: 0 }, 'timeoutSeconds', /above 0, or null/],
    [
      'network',
      { network: 'yes' },
      'network',
      /true, false, "internet", or a list of destinations .*, not "yes"/,
    ],
    ['variable name', { env: { 'A-B': '1' } }, 'env.A-B', /name of an environment variable/],
    ['variable value', { env: { CI: 1 } }, 'env.CI', /a string, not 1/],
    ['unknown project', { projects: ['wbe'] }, 'projects.0', /"wbe" is not one; did you mean "web"\?/],
    ['no project', { projects: [] }, 'projects', /at least one project/],
    ['unknown key', { timeout: 5 }, 'timeout', /no such key/],
    [
      'unknown placeholder',
      { command: ['echo', 'x{who}'] },
      'command.1',
      /instead of \{who\}: \{projectPath\}/,
    ],
    ['near-miss key', { timeoutSecond: 5 }, 'timeoutSecond', /did you mean "timeoutSeconds"/],
    ['title', { title: 'a\nb' }, 'title', /one line/],
    ['limit', { limits: { processes: 0 } }, 'limits.processes', /whole number/],
    ['unknown limit', { limits: { memory: 5 } }, 'limits.memory', /no such key/],
    ['argument name', { args: { '1st': {} } }, 'args.1st', /name of an argument/],
    ['argument named projectPath', { args: { projectPath: {} } }, 'args.projectPath', /another name/],
    [
      'unknown key of an argument',
      { args: { a: { patern: 'x' } } },
      'args.a.patern',
      /did you mean "pattern"/,
    ],
    ['pattern', { args: { a: { pattern: '(' } } }, 'args.a.pattern', /a regular expression/],
    [
      'pattern legal only in brackets',
      { args: { a: { pattern: 'a)|(b' } } },
      'args.a.pattern',
      /a regular expr/,
    ],
    ['default against pattern', { args: { a: { pattern: 'x', default: 'y' } } }, 'args.a.default', /matches/],
    [
      'default against values',
      { args: { a: { values: ['x'], default: 'y' } } },
      'args.a.default',
      /one of x/,
    ],
    [
      'default of a required',
      { args: { a: { required: true, default: 'y' } } },
      'args.a.default',
      /no default/,
    ],
  ])('a tool is refused: %s', async (_name, change, key, expected) => {
    const problems = await problemsOf(withTool({ command: ['echo'], ...change }))
    expect(problems).toEqual([{ path: `tools.say.${key}`, expected: expect.stringMatching(expected) }])
  })

  it('the id of a tool fits in a line and an address', async () => {
    for (const id of ['', ' ', '-x', 'a b', 'a\nb', '../x']) {
      expect(await problemsOf(withTool({ command: ['echo'] }, id))).toMatchObject([{ path: `tools.${id}` }])
    }
    expect((await load(withTool({ command: ['echo'] }, 'npm:test'))).tools.has('npm:test')).toBe(true)
  })

  it('a broken argument is one problem, although the command uses it', async () => {
    const root = withTool({ command: ['echo', '{who}'], args: { who: { values: [] } } })
    expect(await problemsOf(root)).toMatchObject([{ path: 'tools.say.args.who.values' }])
  })

  it('a tool of a project with a problem is no second problem', async () => {
    const root = workspace({
      'millrace.config.json': {
        projects: { web: { path: 'gone' } },
        tools: { say: { command: ['echo'], projects: ['web'] } },
      },
    })
    expect(await problemsOf(root)).toMatchObject([{ path: 'projects.web.path' }])
  })
})
