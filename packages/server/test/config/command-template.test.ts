import { MillraceError } from '@millrace/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTemplate, resolveCommand } from '#config/command-template'
import type { ToolArg } from '#config/config'
import { tool } from '../runners/job/support/context.ts'

const project = { path: '/srv/web' }

function arg(options: Partial<ToolArg> = {}): ToolArg {
  return { required: false, default: undefined, pattern: undefined, values: undefined, ...options }
}

function withArgs(command: readonly [string, ...string[]], args: Record<string, Partial<ToolArg>>) {
  return tool(command, { args: new Map(Object.entries(args).map(([name, value]) => [name, arg(value)])) })
}

function faults(run: () => unknown): Record<string, string> {
  try {
    run()
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'invalid_request') throw error
    return Object.fromEntries((error.fields ?? []).map((field) => [field.path, field.expected]))
  }
  throw new Error('nothing was refused')
}

describe('a command', () => {
  it('gets the path of the project, inside an element or as one', () => {
    const { command } = tool(['wc', '-l', '{projectPath}/README.md', '{projectPath}'])
    expect(resolveCommand(tool(command), project)).toEqual(['wc', '-l', '/srv/web/README.md', '/srv/web'])
  })

  it('gets its arguments, each inside its element whatever it holds', () => {
    const grep = withArgs(['grep', '-e', 'x{text}', '--', '{file}'], { text: {}, file: {} })
    expect(resolveCommand(grep, project, { text: ' a  "b" $(c); {file} ', file: 'my file\n' })).toEqual([
      'grep',
      '-e',
      'x a  "b" $(c); {file} ',
      '--',
      'my file\n',
    ])
  })

  it('has its defaults, and leaves out an element that is an argument without value', () => {
    const list = withArgs(['ls', '{flag}', 'x{flag}', '{path}'], { flag: {}, path: { default: 'src' } })
    expect(resolveCommand(list, project)).toEqual(['ls', 'x', 'src'])
  })

  it('may hold braces that are no placeholders, and literal ones', () => {
    const awk = tool(['awk', '{print $1}', '{}', '{"a":1}', '{{projectPath}}', '{{x}}'])
    expect(resolveCommand(awk, project)).toEqual([
      'awk',
      '{print $1}',
      '{}',
      '{"a":1}',
      '{projectPath}',
      '{x}',
    ])
  })

  it('refuses what was not declared, is missing, or does not match, each by its name', () => {
    const build = withArgs(['build', '{target}', '{level}', '{name}'], {
      target: { values: ['web', 'api'] },
      level: { pattern: /[0-9]|[0-9]{2}/ },
      name: { required: true },
    })
    expect(faults(() => resolveCommand(build, project, { target: 'db', level: '1x', extra: '1' }))).toEqual({
      'args.extra': 'no such argument',
      'args.target': 'one of web, api',
      'args.level': 'a string that matches [0-9]|[0-9]{2}',
      'args.name': 'a value',
    })
    expect(resolveCommand(build, project, { target: 'api', level: '12', name: 'n' })).toEqual([
      'build',
      'api',
      '12',
      'n',
    ])
  })

  it('wants the whole value to match, whatever the pattern’s flags', () => {
    const sticky = withArgs(['x', '{a}'], { a: { pattern: /[a-z]+/gmy } })
    for (let round = 0; round < 3; round++) {
      expect(faults(() => resolveCommand(sticky, project, { a: 'fine\n-rf /' }))).toHaveProperty('args.a')
      expect(resolveCommand(sticky, project, { a: 'fine' })).toEqual(['x', 'fine'])
    }
  })

  it('never takes a value for an option', () => {
    const show = withArgs(['show', '{a}', '{a}{b}', '--depth={a}', 'x{a}'], { a: { default: 'ok' }, b: {} })
    expect(resolveCommand(show, project, { a: 'a-b' })).toEqual(['show', 'a-b', 'a-b', '--depth=a-b', 'xa-b'])
    expect(faults(() => resolveCommand(show, project, { a: '-rf' }))).toHaveProperty('args.a')
    // An empty value brings what stands behind it to the front.
    expect(faults(() => resolveCommand(show, project, { a: '', b: '--exec' }))).toHaveProperty('args.b')
    expect(
      faults(() => resolveCommand(withArgs(['x', '{a}-v'], { a: {} }), project, { a: '' })),
    ).toHaveProperty('args.a')
  })

  it('takes no NUL, nothing but text, and nothing inherited for an argument', () => {
    const echo = withArgs(['echo', '{a}'], { a: {} })
    expect(faults(() => resolveCommand(echo, project, { a: 'a\0b' }))).toEqual({
      'args.a': 'a string without NUL',
    })
    expect(faults(() => resolveCommand(echo, project, { a: 1 }))).toEqual({ 'args.a': 'a string' })
    const odd = withArgs(['echo', '{toString}'], { toString: {} })
    expect(resolveCommand(odd, project, {})).toEqual(['echo'])
  })

  it('has as many elements as its template and none that a value made an option', () => {
    const run = withArgs(['x', '{a}', '{b}{a}', 'k={a}{b}'], { a: {}, b: {} })
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        let argv: string[]
        try {
          argv = resolveCommand(run, project, { a, b })
        } catch (error) {
          return error instanceof MillraceError
        }
        return (
          argv.length === 4 && argv.every((element) => !element.startsWith('-') && !element.includes('\0'))
        )
      }),
    )
  })
})

describe('a template', () => {
  it('is fine when every placeholder is known', () => {
    expect(checkTemplate(withArgs(['{projectPath}/run', '{a}', '{{b}}'], { a: {} }))).toEqual([])
  })

  it('is refused for each thing that is wrong with it', () => {
    const wrong = withArgs(['{a}', '{b}/{projectpath}', 'x\0'], {
      a: { default: 'z', values: ['x'] },
      projectPath: {},
    })
    expect(checkTemplate(wrong).map((error) => error.path)).toEqual([
      'args.projectPath',
      'command[0]',
      'command[1]',
      'command[1]',
      'command[2]',
      'args.a.default',
    ])
  })
})
