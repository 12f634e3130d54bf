/** Programs that read what they are given and print: their options and operands are paths or plain. */
import type { Call, Rule, Rules } from '#bash/call'
import { isUnknown, show } from '#bash/symbols'
import { has, hasLong, pathsIn, type Taken, take, valuesOf } from './arguments.ts'

interface Reader {
  /** Letters of options with a value. */
  values?: string
  longValues?: readonly string[]
  /** So many operands come before the paths (a pattern, an expression). */
  skip?: number
  /** Options that give the pattern, so that all operands are paths. */
  pattern?: readonly string[]
  /** Options whose value is a file to be written. */
  output?: readonly string[]
  /** Long options that run a program. */
  runs?: readonly string[]
  /** Options that read all below a directory; `always` for programs that do it by themselves. */
  deep?: readonly string[] | 'always'
  /** The operand from which on files are written. */
  writesFrom?: number
}

const readers: Record<string, Reader> = {
  'cat tac nl rev fold fmt expand unexpand cksum sum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum base32 base64 basenc zcat bzcat xzcat zless strings hexdump hd pr column cmp comm look tsort vis bat':
    {},
  'ls dir vdir exa eza': { deep: ['-R', '--recursive', '--tree', '-T'] },
  'stat file readlink realpath df namei pathchk': {},
  'head tail cut paste join od wc': {
    runs: ['--files0-from'],
    values: 'ncbdfsjNAtv12oe',
  },
  'diff colordiff sdiff diff3': { values: 'UCxILo', deep: ['-r', '--recursive'], output: ['-o'] },
  'sort gsort': {
    values: 'kotST',
    output: ['-o', '--output'],
    runs: ['--compress-program', '--files0-from'],
    longValues: [
      '--output',
      '--key',
      '--field-separator',
      '--buffer-size',
      '--temporary-directory',
      '--compress-program',
    ],
  },
  shuf: { values: 'eino', output: ['-o', '--output'] },
  uniq: { values: 'fsw', writesFrom: 1 },
  xxd: { values: 'cgolsb', writesFrom: 1 },
  iconv: { values: 'fto', output: ['-o', '--output'] },
  du: { values: 'dtBX', deep: 'always' },
  tree: { values: 'LPIo', output: ['-o'], deep: 'always' },
  'grep egrep fgrep zgrep ggrep': {
    values: 'efmABCdD',
    skip: 1,
    pattern: ['-e', '-f', '--regexp', '--file'],
    longValues: ['--regexp', '--file', '--include', '--exclude', '--exclude-dir', '--max-count', '--context'],
    deep: ['-r', '-R', '--recursive', '--dereference-recursive'],
  },
  'rg ag ack': {
    values: 'efgmABCtTjMEr',
    skip: 1,
    pattern: ['-e', '-f', '--regexp', '--file', '--files', '--type-list'],
    longValues: ['--regexp', '--file', '--glob', '--type', '--max-count', '--sort', '--context'],
    runs: ['--pre', '--hostname-bin', '--pager', '--search-zip'],
    deep: 'always',
  },
  'jq gojq': {
    skip: 1,
    pattern: ['-f', '--from-file'],
    values: 'f',
    longValues: ['--from-file', '--indent', '--tab'],
  },
  'yq dasel': { skip: 1 },
  'cloc tokei scc sloccount': { deep: 'always' },
  tr: { skip: 2 },
  'strip-ansi nm objdump readelf ldd size otool': {},
}

function optionsOf({ values = '', longValues = [], output = [], deep = [], pattern = [] }: Reader) {
  const isLong = (option: string) => option.startsWith('--')
  const long = [...(deep === 'always' ? [] : deep), ...pattern].filter(isLong)
  return { values, longValues: [...longValues, ...output.filter(isLong)], long }
}

function rule(reader: Reader): Rule {
  return (call) => {
    const taken = take(call.args, optionsOf(reader))
    if (reader.runs !== undefined && hasLong(taken, ...reader.runs))
      call.unreadable(`${call.name} runs a program, or reads files, that ${reader.runs.join(' or ')} names`)
    for (const path of valuesOf(taken, ...(reader.output ?? []))) call.writes(path)
    const skip = reader.pattern !== undefined && has(taken, ...reader.pattern) ? 0 : (reader.skip ?? 0)
    const deep = reader.deep === 'always' || (Array.isArray(reader.deep) && has(taken, ...reader.deep))
    const operands = taken.operands.slice(skip)
    if (taken.unknown && taken.operands.slice(0, skip).some(isUnknown))
      call.unreadable(`${call.name} is given ${show(taken.operands.join(' '))}, which may be an option`)
    if (deep && operands.length === 0 && call.input.from === 'nowhere') call.reads('.', true)
    for (const [index, operand] of operands.entries()) {
      if (reader.writesFrom !== undefined && index >= reader.writesFrom) call.writes(operand)
      else if (operand !== '-') call.reads(operand, deep)
    }
    for (const [name, value] of taken.values)
      if (!reader.output?.includes(name) && (value.includes('/') || isUnknown(value))) call.reads(value)
    for (const arg of call.args)
      if (arg.startsWith('-')) for (const path of pathsIn(arg)) call.reads(path, deep)
    if (/^(go)?jq$|^yq$/.test(call.name)) judgeFilter(call, taken)
  }
}

/** `jq -n env` prints the environment, and modules and `load` reach other files. */
function judgeFilter(call: Call, taken: Taken) {
  const filter = taken.operands[0] ?? ''
  if (/(^|[^.\w"'])(\$ENV|env|strenv|envsubst)\b/.test(filter))
    call.forbid(`${call.name} ${show(filter)} prints the environment, which holds credentials`)
  if (/\b(import|include|load\w*)\b/.test(filter) || has(taken, '-L'))
    call.unreadable(`${call.name} ${show(filter)} may reach other files`)
  if (call.name === 'yq' && has(taken, '-i', '--inplace'))
    for (const path of taken.operands.slice(1)) call.writes(path)
}

/** What prints its own arguments, or facts about the machine, and touches nothing. */
const harmless =
  'echo printf test [ true false : sleep seq date basename dirname expr pwd whoami id groups logname uname arch nproc uptime tty which type hostname cal bc factor numfmt yes clear tput stty getconf locale free vmstat lscpu lsblk nvidia-smi tsort mktemp sync users who w lsof ss netstat pgrep pidof jobs wait times ulimit umask'.split(
    ' ',
  )

const harmlessRule: Rule = (call) => {
  const taken = take(call.args)
  if (call.name === 'date' && (has(taken, '-s') || hasLong(taken, '--set')))
    call.forbid('date would set the clock of the system')
  if (call.name === 'hostname' && taken.operands.length > 0) call.forbid('hostname would rename the system')
  if (call.name === 'date' || call.name === 'bc')
    for (const arg of call.args) for (const path of pathsIn(arg)) if (/[/~]/.test(path)) call.reads(path)
  if (call.name === 'mktemp' && call.args.some((arg) => arg.includes('/')))
    call.writes(taken.operands[0] ?? '.')
  if (call.name === 'printf' && has(taken, '-v')) {
    const name = call.args[1] ?? ''
    if (/^\w+$/.test(name)) call.taints(name)
    else call.unreadable(`printf -v ${show(name)} computes an index, which can run commands`)
  }
}

export const readerRules: Rules = Object.fromEntries([
  ...Object.entries(readers).flatMap(([names, reader]) =>
    names.split(' ').map((name) => [name, rule(reader)] as const),
  ),
  ...harmless.map((name) => [name, harmlessRule] as const),
])
