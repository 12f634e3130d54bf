/**
 * The grammar of a program's arguments, written as one line of text: the options it may be given and what
 * its operands are. What is not written there is not readable.
 *
 *     -abc           options of one letter without a value; they may be written together
 *     -n:number      an option with a value, attached or as the next argument
 *     -i?text        an option with an optional value, attached only
 *     -#             a number as an option: `head -20`
 *     --all          a long option; shortened ones are not readable
 *     --max:number   a long option with a value, after `=` or as the next argument
 *     --color?text   a long option with an optional value, after `=` only
 *     | read* write  the operands: `*` any number, `?` perhaps one
 *
 * Before the bar, words without a dash say how the line is read and what the program does:
 * `raw` no options at all, `stop` the first operand ends the options, `whole` options are whole words
 * (`-race`), `runs` it runs code of the project, `changes` it makes files whose names are not seen,
 * `never` it is never readable and listed for the harm its operands can do.
 */

/** What an argument is to the program; see `kinds.ts` for what each may be. */
export type Kind =
  | 'any'
  | 'argument'
  | 'archive'
  | 'assign'
  | 'awk'
  | 'backup'
  | 'command'
  | 'deep'
  | 'enter'
  | 'file'
  | 'format'
  | 'jq'
  | 'later'
  | 'mark'
  | 'mode'
  | 'name'
  | 'number'
  | 'package'
  | 'pidlike'
  | 'read'
  | 'ref'
  | 'remove'
  | 'run'
  | 'said'
  | 'script'
  | 'sed'
  | 'target'
  | 'text'
  | 'url'
  | 'variable'
  | 'word'
  | 'write'

export interface Option {
  value: 'none' | 'optional' | 'required'
  kind: Kind
}

export interface Operand {
  kind: Kind
  times: 'any' | 'maybe' | 'once'
}

const marks = ['changes', 'never', 'raw', 'runs', 'stop', 'whole'] as const
export type Mark = (typeof marks)[number]

export interface Grammar {
  options: ReadonlyMap<string, Option>
  operands: readonly Operand[]
  marks: ReadonlySet<Mark>
  numbers: boolean
}

export function grammar(line: string): Grammar {
  const [before = '', after = ''] = line.split('|')
  const words = before.split(/\s+/).filter(Boolean)
  const found = new Set(marks.filter((mark) => words.includes(mark)))
  const options = new Map<string, Option>()
  for (const word of words) {
    if (!word.startsWith('-') || word === '-#') continue
    const [, name = '', sign = '', kind = 'text'] = /^(-[^:?]+)([:?]?)(\w*)$/.exec(word) ?? []
    const value = sign === ':' ? 'required' : sign === '?' ? 'optional' : 'none'
    const together = !name.startsWith('--') && !found.has('whole') && value === 'none'
    const names = together ? [...name.slice(1)].map((letter) => `-${letter}`) : [name]
    for (const one of names) options.set(one, { value, kind: kind as Kind })
  }
  return { options, operands: operandsIn(after), marks: found, numbers: words.includes('-#') }
}

function operandsIn(text: string): Operand[] {
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => ({
      kind: word.replace(/[*?]$/, '') as Kind,
      times: word.endsWith('*') ? 'any' : word.endsWith('?') ? 'maybe' : 'once',
    }))
}
