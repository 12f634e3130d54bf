/**
 * Tests made from the tables of programs: every option in them is readable, and whatever is not in them
 * is not, in whatever form it comes.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grammar, type Kind } from '#bash/known/grammar'
import { tables } from '#bash/known/index'
import { honest } from './support/corpus.ts'
import { bash, policyWith } from './support/policies.ts'

const runs = process.env.MILLRACE_TEST_FULL === undefined ? 600 : 50_000
const outside = policyWith()
const allowed = (command: string) => bash(outside, command).decision === 'allow'

/** Something each kind takes; null where a test of its own is needed. */
const samples: Readonly<Partial<Record<Kind, string>>> = {
  text: 'x',
  word: 'x',
  name: 'x',
  number: '3',
  read: 'src/a',
  deep: 'src',
  file: 'src/a',
  write: 'src/a',
  mark: 'src/a',
  ref: 'x',
  target: 'x',
  mode: '644',
  said: 'x',
  argument: 'x',
  package: './x',
  url: 'https://example.org/x',
  backup: '.bak',
  assign: 'a=b',
}

const plain = Object.entries(tables).flatMap(([names, entry]) => {
  if (typeof entry === 'function') return []
  const line = typeof entry === 'string' ? entry : entry.grammar
  const known = grammar(line)
  if (known.marks.has('never') || known.marks.has('raw')) return []
  return names.split(' ').map((name) => ({ name, known }))
})
const operandsFor = (kinds: readonly { kind: Kind; times: string }[]): string | null => {
  const texts = kinds.filter(({ times }) => times !== 'maybe').map(({ kind }) => samples[kind])
  return texts.includes(undefined) ? null : texts.join(' ')
}

describe('a program with a table', () => {
  const simple = plain.flatMap(({ name, known }) => {
    const operands = operandsFor(known.operands)
    return operands === null ? [] : [{ name, known, operands }]
  })

  it('is readable with the operands that its table names', () => {
    expect(simple.length).toBeGreaterThan(100)
    const refused = simple.map(({ name, operands }) => `${name} ${operands}`).filter((line) => !allowed(line))
    // They need an option that says what to do, or a file beside.
    expect(
      refused.filter((line) => !/^(sed|unzip|rsync|mktemp|patch|read|mapfile|readarray|wait) /.test(line)),
    ).toEqual([])
  })

  it('is not readable with any other letter, nor with a long option that its table does not name', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ']
    for (const { name, known, operands } of plain.map((one) => ({
      ...one,
      operands: operandsFor(one.known.operands) ?? 'x',
    }))) {
      if (known.marks.has('whole')) continue
      for (const letter of letters.filter((one) => !known.options.has(`-${one}`)))
        expect([name, letter, allowed(`${name} -${letter} ${operands}`)]).toEqual([name, letter, false])
      for (const option of known.options.keys())
        for (const other of [`${option}x`, option.slice(0, -1)])
          if (option.startsWith('--') && other.length > 3 && !known.options.has(other))
            expect([name, other, allowed(`${name} ${other} ${operands}`)]).toEqual([name, other, false])
    }
  })
})

/** Programs whose arguments mean nothing but themselves. */
const printing = /^(echo|printf|true|false|:|expr|test|\[|cd|kill|type|which|clear)$/
const commands = honest()
  .filter(({ command, outside: verdict }) => verdict === 'allow' && /^[\w ./:=@-]+$/.test(command))
  .map(({ command }) => command.split(' ').filter(Boolean))
  .filter(([name = '']) => !printing.test(name) && !/[=()]|^(if|for|while|time)$/.test(name))
  .filter((words) => !words.includes('--') && !words.includes('-m'))

const letters = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz')
const name = fc.array(letters, { minLength: 2, maxLength: 8 }).map((parts) => `zq${parts.join('')}`)
const steering = fc.constantFrom(
  ...'PATH LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GIT_DIR GIT_CONFIG_COUNT GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_EXEC_PATH GIT_PAGER NODE_OPTIONS NODE_PATH NODE_V8_COVERAGE BASH_ENV ENV SHELLOPTS PS4 PROMPT_COMMAND PAGER MANPAGER EDITOR VISUAL LESSOPEN PYTHONPATH PYTHONSTARTUP PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS MAKEFLAGS CC CXX RUSTFLAGS CARGO_HOME GOFLAGS XDG_CONFIG_HOME HOME TMPDIR CURL_HOME WGETRC OPENSSL_CONF TAR_OPTIONS GZIP POSIXLY_CORRECT npm_config_script_shell http_proxy ALL_PROXY'.split(
    ' ',
  ),
)
/** What makes the argument list unreadable, wherever it stands before a `--`. */
const intruders = fc.oneof(
  name.map((text) => `--${text}`),
  name.map((text) => `--${text}=x`),
  name.map((text) => `--${text}=$(cat ${text})`),
  name.map((text) => `$(cat ${text})`),
  name.map((text) => `$${text}`),
  name.map((text) => `-$(echo ${text})`),
  name.map((text) => `"\${${text}[@]}"`),
  name.map((text) => `{--${text},x}`),
  name.map((text) => `-"$${text}"`),
  fc.constant('"$@"'),
)

describe('what is inserted into an honest command', () => {
  it('makes it unreadable where it could be an option, at any place', () => {
    expect(commands.length).toBeGreaterThan(80)
    fc.assert(
      fc.property(fc.constantFrom(...commands), intruders, fc.nat(), (words, intruder, nat) => {
        const at = 1 + (nat % words.length)
        const command = [...words.slice(0, at), intruder, ...words.slice(at)].join(' ')
        expect([command, bash(outside, command).decision]).not.toEqual([command, 'allow'])
      }),
      { numRuns: runs },
    )
  })

  it('makes it unreadable where it is a variable that steers programs, in any form', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...commands),
        steering,
        fc.constantFrom('./evil', '/tmp/x', '-x', '$(cat x)', 'a b', '!x'),
        fc.nat(5),
        (words, variable, value, form) => {
          const line = words.join(' ')
          const command = [
            `${variable}="${value}" ${line}`,
            `export ${variable}="${value}"; ${line}`,
            `env ${variable}="${value}" ${line}`,
            `read -r ${variable} <<< "${value}"; ${line}`,
            `for ${variable} in ${value}; do ${line}; done`,
            `: \${${variable}:=${value}}; ${line}`,
          ][form] as string
          expect([command, bash(outside, command).decision]).not.toEqual([command, 'allow'])
        },
      ),
      { numRuns: runs },
    )
  })
})

describe('a wrapper with a value that is split', () => {
  it.each([
    'timeout $(echo 5 rm) echo',
    'nice -n $(echo 5 rm) echo',
    'stdbuf -o$(echo L rm) echo',
    'head -n $(echo 1 x)',
    'cp a b$(echo "" c)',
  ])('%s is not readable', (command) => {
    expect(allowed(command)).toBe(false)
  })
})
