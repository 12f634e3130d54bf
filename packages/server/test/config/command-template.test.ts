import { MillraceError } from '@millrace/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTemplate, resolveCommand } from '#config/command-template'
import type { ToolArg } from '#config/config'
import { ValuePattern } from '#config/pattern'
import { tool } from '#test/runners/job/support/context'

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
  it('a command gets the path of the project, within an element or as one', () => {
    const { command } = tool(['wc', '-l', '{projectPath}/README.md', '{projectPath}'])
    expect(resolveCommand(tool(command), project)).toEqual(['wc', '-l', '/srv/web/README.md', '/srv/web'])
  })

  it('a command gets each argument within its element, whatever the value contains', () => {
    const grep = withArgs(['grep', '-e', 'x{text}', '--', '{file}'], { text: {}, file: {} })
    expect(resolveCommand(grep, project, { text: ' a  "b" $(c); {file} ', file: 'my file\n' })).toEqual([
      'grep',
      '-e',
      'x a  "b" $(c); {file} ',
      '--',
      'my file\n',
    ])
  })

  it('defaults fill missing arguments, and an element that is an optional argument without a value is left out', () => {
    const list = withArgs(['ls', '{flag}', 'x{flag}', '{path}'], { flag: {}, path: { default: 'src' } })
    expect(resolveCommand(list, project)).toEqual(['ls', 'x', 'src'])
  })

  it('braces that are no placeholders, and doubled braces, are literal text', () => {
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

  it('arguments that are undeclared, missing or do not match are refused, each by its name', () => {
    const build = withArgs(['build', '{target}', '{level}', '{name}'], {
      target: { values: ['web', 'api'] },
      level: { pattern: new ValuePattern('[0-9]|[0-9]{2}') },
      name: { required: true },
    })
    expect(faults(() => resolveCommand(build, project, { target: 'db', level: '1x', extra: '1' }))).toEqual({
      'args.extra': 'nothing: the tool has no argument of this name',
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

  it('a pattern must match the whole value, and not one line of it', () => {
    const lines = withArgs(['x', '{a}'], { a: { pattern: new ValuePattern('(?m:^[a-z]+$)') } })
    expect(faults(() => resolveCommand(lines, project, { a: 'fine\n-rf /' }))).toHaveProperty('args.a')
    expect(resolveCommand(lines, project, { a: 'fine' })).toEqual(['x', 'fine'])
  })

  it('a value never becomes an option', () => {
    const show = withArgs(['show', '{a}', '{a}{b}', '--depth={a}', 'x{a}'], { a: { default: 'ok' }, b: {} })
    expect(resolveCommand(show, project, { a: 'a-b' })).toEqual(['show', 'a-b', 'a-b', '--depth=a-b', 'xa-b'])
    expect(faults(() => resolveCommand(show, project, { a: '-rf' }))).toHaveProperty('args.a')
    // After an empty value, the text behind it stands at the front.
    expect(faults(() => resolveCommand(show, project, { a: '', b: '--exec' }))).toHaveProperty('args.b')
    expect(
      faults(() => resolveCommand(withArgs(['x', '{a}-v'], { a: {} }), project, { a: '' })),
    ).toHaveProperty('args.a')
  })

  it('an argument is a string of its own without NUL', () => {
    const echo = withArgs(['echo', '{a}'], { a: {} })
    expect(faults(() => resolveCommand(echo, project, { a: 'a\0b' }))).toEqual({
      'args.a': 'a string without NUL',
    })
    expect(faults(() => resolveCommand(echo, project, { a: 1 }))).toEqual({ 'args.a': 'a string' })
    const odd = withArgs(['echo', '{toString}'], { toString: {} })
    expect(resolveCommand(odd, project, {})).toEqual(['echo'])
  })

  it('any values leave the number of elements as in the template, and make none an option', () => {
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
  it('a template with known placeholders has no problem', () => {
    expect(checkTemplate(withArgs(['{projectPath}/run', '{a}', '{{b}}'], { a: {} }))).toEqual([])
  })

  it('every problem of a template is reported', () => {
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
