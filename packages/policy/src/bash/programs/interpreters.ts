/** Shells, whose literal text is read on, and other languages, whose text is not. */
import type { Call, Rules } from '#bash/call'
import { isUnknown, show } from '#bash/symbols'
import { has, take } from './arguments.ts'

function shell(call: Call) {
  const withText = call.args.findIndex((arg) => /^-[a-zA-Z]*c[a-zA-Z]*$/.test(arg))
  const options = take(call.args, { values: 'oO', longValues: ['--rcfile', '--init-file'] }, true)
  const strange = [...options.options].find(
    (option) => !/^-[ceuxlnvofhpmBOi]$|^--(norc|noprofile|login|posix|version|help|)$/.test(option),
  )
  if (strange !== undefined)
    call.unreadable(`${call.name} has the option ${show(strange)}, which runs other files`)
  if (has(options, '-i', '-l', '--login'))
    call.unreadable(`${call.name} ${show(call.args[0] ?? '')} first runs the start-up files of a person`)
  if (!/^(ba|da|a)?sh$/.test(call.name))
    call.unreadable(`${call.name} is not bash, and its language is not read`)
  if (has(options, '--version', '--help')) return
  if (withText !== -1) {
    const text = options.operands[0]
    if (text === undefined || isUnknown(text))
      call.unreadable(`${call.name} -c is given text that is not written out`)
    else call.script(text)
    return
  }
  const [file] = options.operands
  if (file !== undefined && file !== '-' && !has(options, '-s')) {
    call.reads(file)
    return call.executes(file)
  }
  if (call.input.from === 'text') call.script(call.input.text)
  else call.unreadable(`${call.name} runs what it is given at its input, which is not written out`)
}

interface Language {
  /** Options that are harmless, as one pattern. */
  options: RegExp
  /** Letters of options with a value. */
  values?: string
  longValues?: readonly string[]
  /** Without a file it does something of its own rather than read its input. */
  alone?: RegExp
}

const languages: Record<string, Language> = {
  'node nodejs': {
    options:
      /^(--(test(-.*)?|watch(-path)?|check|version|help|no-warnings|enable-source-maps|max-old-space-size|experimental-(strip-types|vm-modules|transform-types|test-.*)|env-file(-if-exists)?|trace-(warnings|uncaught|deprecation)|stack-trace-limit|inspect|conditions|unhandled-rejections|run|import|require|loader)|-[chvrC])$/,
    values: 'rC',
    longValues: ['--import', '--require', '--loader', '--conditions'],
    alone: /^--(test|version|help|run)$|^-[vh]$/,
  },
  'tsx ts-node': {
    options: /^(--(watch|version|help|esm|transpile-only|tsconfig|project|test)|-[vhTPr])$/,
    values: 'PrT',
    alone: /^--(version|help|test)$|^-[vh]$/,
  },
  'python pypy': {
    options: /^-[uBOsSEIvVhWXbdqm]$|^--(version|help)$/,
    values: 'WXm',
    alone: /^-[Vh]$|^--(version|help)$/,
  },
  'ruby jruby': {
    options: /^-[wWvhUI]$|^--(version|help|yjit)$/,
    values: 'I',
    alone: /^-[vh]$|^--(version|help)$/,
  },
  perl: { options: /^-[wWvhcTtI]$|^--(version|help)$/, values: 'I', alone: /^-[vh]$|^--(version|help)$/ },
  php: { options: /^-[vhlimnq]$|^--(version|help)$/, alone: /^-[vhim]$|^--(version|help)$/ },
  'lua luajit tclsh Rscript julia groovy guile sbcl elixir escript swift osascript R octave racket ghci scala irb pry ipython iex deno-run':
    { options: /^-[vh]$|^--(version|help)$/, alone: /^-[vh]$|^--(version|help)$/ },
}

/** Modules of Python that do what an agent needs and no more than the project's own code could. */
const modules =
  /^(pytest|unittest|doctest|pip|venv|ensurepip|build|mypy|ruff|black|isort|flake8|pylint|pyright|coverage|tox|nox|json\.tool|compileall|py_compile|http\.server|pytest_cov|poetry|uv|setuptools|sphinx|mkdocs|django|flask|uvicorn|gunicorn|alembic|twine_check|timeit|this|zipfile|tarfile|site|sysconfig|platform)$/

function language(rules: Language) {
  return (call: Call) => {
    if (/^(python|pypy)/.test(call.name) && call.args.some((arg) => /^-[uBOsSEIvbdq]*m/.test(arg)))
      return module(call)
    const taken = take(call.args, { values: rules.values ?? '', longValues: rules.longValues ?? [] }, true)
    const strange = [...taken.options].find((option) => !rules.options.test(option))
    if (strange !== undefined)
      return call.unreadable(`${call.name} ${show(strange)} runs text in a language that is not read`)
    for (const [name, value] of taken.values) {
      if (name === '-r' || name === '--require' || name === '--import' || name === '--loader') {
        if (/^[./~]/.test(value) || isUnknown(value)) call.executes(value)
      } else if (value.includes('/')) call.reads(value)
    }
    const [file, ...args] = taken.operands
    if (file !== undefined && file !== '-') {
      call.executes(file)
      return argumentsOf(call, args)
    }
    if (has(taken, ...[...taken.options].filter((option) => rules.alone?.test(option))))
      return call.runsProject()
    call.unreadable(`${call.name} runs what it is given at its input, in a language that is not read`)
  }
}

function module(call: Call) {
  const at = call.args.findIndex((arg) => /^-[uBOsSEIvbdq]*m/.test(arg))
  const attached = (call.args[at] ?? '').replace(/^-[uBOsSEIvbdq]*m/, '')
  const name = attached === '' ? (call.args[at + 1] ?? '') : attached
  const args = call.args.slice(attached === '' ? at + 2 : at + 1)
  if (call.args.slice(0, at).some((arg) => !/^-[uBOsSEIvbdq]+$/.test(arg)))
    call.unreadable(`${call.name} has options that are not read`)
  if (!modules.test(name))
    return call.unreadable(`${call.name} -m ${show(name)} runs a module that the policy does not know`)
  if (name === 'pip' || name === 'uv' || name === 'poetry') call.command([name, ...args])
  else {
    call.runsProject()
    argumentsOf(call, args)
  }
}

function argumentsOf(call: Call, args: readonly string[]) {
  for (const arg of args) {
    const path = arg.startsWith('-') ? arg.slice(arg.indexOf('=') + 1) : arg
    if (path.startsWith('-') || !/[/~]|^\.\.?$/.test(path) || isUnknown(path)) continue
    if (/^https?:/.test(path)) continue
    call.reads(path)
    if (call.isOutside(path))
      call.unreadable(`it is not known what ${call.name} does with ${show(path)}, outside the project`)
  }
}

function source(call: Call) {
  const [file = ''] = call.args
  if (!isUnknown(file)) call.reads(file)
  call.unreadable(`${call.name} ${show(file)} runs a file in this shell, and what is in it is not read`)
}

function editor(call: Call) {
  call.unreadable(`${call.name} can run commands of its own`)
  for (const path of take(call.args, { values: valuesOfEditors }).operands)
    if (!isUnknown(path)) call.writes(path)
}
const valuesOfEditors = 'cSsuiTw'

export const interpreterRules: Rules = {
  ...Object.fromEntries(
    'sh bash dash ash zsh ksh ksh93 mksh fish csh tcsh rbash yash elvish nu pwsh'
      .split(' ')
      .map((name) => [name, shell]),
  ),
  ...Object.fromEntries(
    Object.entries(languages).flatMap(([names, rules]) =>
      names.split(' ').map((name) => [name, language(rules)] as const),
    ),
  ),
  source,
  '.': source,
  ...Object.fromEntries(
    'vi vim nvim view vimdiff ex ed emacs nano pico less more man info most'
      .split(' ')
      .map((name) => [name, editor]),
  ),
}

export { argumentsOf }
