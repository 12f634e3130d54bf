/** Matches a program's arguments with its grammar. What the grammar does not name is reported, and read past. */
import { isManyWords, isUnknown, startsUnknown } from '#bash/symbols'
import type { Grammar, Kind, Operand, Option } from './grammar.ts'

export interface Value {
  kind: Kind
  text: string
  /** The option it belongs to; null for an operand. */
  option: string | null
}

export interface Matched {
  /** Names of the options that were given. */
  options: Set<string>
  values: Value[]
  /** Arguments that the grammar does not provide for. */
  strange: string[]
}

export function match(args: readonly string[], { options, operands, marks, numbers }: Grammar): Matched {
  const matched: Matched = { options: new Set(), values: [], strange: [] }
  const rest: string[] = []
  const ends = operands.some(({ kind }) => kind === 'command')
  const stop = marks.has('stop') || ends
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (marks.has('raw') || (stop && rest.length > 0)) rest.push(arg)
    else if (arg === '--') {
      rest.push(...args.slice(at + 1))
      break
    } else if (startsUnknown(arg)) {
      // It could be an option, or several.
      matched.strange.push(arg)
      rest.push(arg)
    } else if (!arg.startsWith('-') || arg === '-') rest.push(arg)
    // Its value may end anywhere, and options follow.
    else if (isManyWords(arg)) matched.strange.push(arg)
    else if (numbers && /^-\d+$/.test(arg)) continue
    else if (marks.has('whole') || arg.startsWith('--'))
      at += takeWhole(arg, args[at + 1], options, matched, marks.has('whole'))
    else at += takeLetters(arg, args[at + 1], options, matched)
  }
  matchOperands(rest, operands, matched)
  return matched
}

/** Returns how many further arguments the option used. */
function takeWhole(
  arg: string,
  next: string | undefined,
  options: ReadonlyMap<string, Option>,
  matched: Matched,
  whole: boolean,
): number {
  const equals = arg.indexOf('=')
  const name = equals === -1 ? arg : arg.slice(0, equals)
  const option = options.get(name) ?? (whole ? options.get(name.replace(/^--/, '-')) : undefined)
  if (option === undefined || isUnknown(name) || (option.value === 'none' && equals !== -1)) {
    matched.strange.push(arg)
    return 0
  }
  matched.options.add(name)
  if (equals !== -1) matched.values.push({ kind: option.kind, text: arg.slice(equals + 1), option: name })
  if (equals !== -1 || option.value !== 'required') return 0
  takeNext(option, name, next, matched)
  return 1
}

function takeLetters(
  arg: string,
  next: string | undefined,
  options: ReadonlyMap<string, Option>,
  matched: Matched,
): number {
  for (let at = 1; at < arg.length; at++) {
    const name = `-${arg[at]}`
    const option = options.get(name)
    if (option === undefined) {
      matched.strange.push(arg)
      return 0
    }
    matched.options.add(name)
    if (option.value === 'none') continue
    const attached = arg.slice(at + 1)
    if (attached !== '') matched.values.push({ kind: option.kind, text: attached, option: name })
    else if (option.value === 'required') {
      takeNext(option, name, next, matched)
      return 1
    }
    return 0
  }
  return 0
}

function takeNext({ kind }: Option, name: string, next: string | undefined, matched: Matched): void {
  if (next === undefined) matched.strange.push(name)
  // Several words would be the value and then more.
  // So may a value that looks like an option be one after all, to another version of the program.
  else if (isManyWords(next) || /^--?[A-Za-z]/.test(next)) matched.strange.push(next)
  else matched.values.push({ kind, text: next, option: name })
}

function matchOperands(rest: readonly string[], operands: readonly Operand[], matched: Matched): void {
  const many = operands.findIndex(({ times }) => times === 'any')
  const after = many === -1 ? [] : operands.slice(many + 1)
  const before = many === -1 ? operands : operands.slice(0, many)
  for (const [index, text] of rest.entries()) {
    const left = rest.length - index
    const operand = before[index] ?? (left <= after.length ? after[after.length - left] : operands[many])
    if (operand === undefined) {
      matched.strange.push(text)
      continue
    }
    if (operand.kind === 'command') {
      matched.values.push(
        ...rest.slice(index).map((one) => ({ kind: operand.kind, text: one, option: null })),
      )
      return
    }
    if (isManyWords(text) && operand.kind !== 'any') matched.strange.push(text)
    matched.values.push({ kind: operand.kind, text, option: null })
  }
}
