/**
 * What a word becomes: its arguments, each with the texts it may be. Never runs anything; what is not
 * known before the command runs is a stand-in.
 */
import type { CommandExpansionPart, DoubleQuotedChild, ParameterExpansionPart, Word, WordPart } from 'unbash'
import type { Scope } from '#bash/scope'
import {
  anyName,
  holdsStandIn,
  isUnknown,
  ownProcess,
  plainText,
  unknownText,
  unknownWords,
} from '#bash/symbols'
import { isModelKey, maySet, remembersSecret } from '#bash/variables'
import { expandBraces } from './braces.ts'

export interface Expander {
  readonly scope: Scope
  readonly home: string
  /** Known text without quotes may be split anywhere. */
  splitsAnywhere(): boolean
  forbid(reason: string): void
  unreadable(reason: string): void
}

/** The texts one argument may be. */
export type Texts = readonly string[]

const mostTexts = 16
const mostCombinations = 24
/** Expansions hold expansions, each of which is read for itself as well. */
const longestExpansion = 1_000

/** The arguments a word becomes in a command: split, with patterns as stand-ins. */
export function expandWord(word: Word, to: Expander): Texts[] {
  const parts = word.parts ?? []
  const brace = parts.some((part) => part.type === 'BraceExpansion')
  if (brace) {
    const plain = parts.every((part) => ['Literal', 'BraceExpansion', 'Glob'].includes(part.type))
    const choices = plain && !/[\\~]/.test(word.text) ? expandBraces(word.text) : null
    return choices === null ? [[unknownWords]] : choices.map((choice) => [matched(choice)])
  }
  const texts = expandJoined(word, to, true)
  if (!parts.some(isUnquotedExpansion)) return [texts]
  // An unquoted expansion becomes as many arguments as its text has words.
  if (texts.some(isUnknown) || to.splitsAnywhere())
    return [texts.map((text) => text.replaceAll(unknownText, unknownWords) + unknownWords)]
  if (!texts.some((text) => /\s/.test(text) || text === '')) return [texts]
  const [text] = texts
  if (texts.length > 1 || text === undefined || parts.length > 1) return [[unknownWords]]
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((one) => [one])
}

/** The texts a word may be where it is neither split nor matched: assignments, redirections, `case`. */
export function expandText(word: Word, to: Expander): Texts {
  // After a colon a tilde is expanded as well.
  if (word.parts?.some((part) => part.type === 'BraceExpansion') || word.text.includes(':~'))
    return [unknownText]
  return expandJoined(word, to, false)
}

function expandJoined(word: Word, to: Expander, matching: boolean): Texts {
  const tilde = tildeOf(word, to)
  const parts = word.parts
  if (parts === undefined) return [tilde === null ? word.value : tilde + word.value.slice(tildeLength(word))]
  let texts: string[] = ['']
  for (const [index, part] of parts.entries()) {
    let found = textsOf(part, to, matching)
    if (index === 0 && tilde !== null) found = found.map((text) => tilde + text.slice(tildeLength(word)))
    texts = texts.flatMap((text) => found.map((more) => text + more))
    if (texts.length > mostTexts) return [unknownText]
  }
  return texts
}

function tildeLength(word: Word): number {
  return /^~[^/]*/.exec(word.text)?.[0].length ?? 0
}

function tildeOf(word: Word, { home, scope }: Expander): string | null {
  const user = /^~([a-zA-Z0-9_.+-]*)(?=$|\/)/.exec(word.text)?.[1]
  if (user === undefined) return null
  if (user === '') {
    const [value = home, other] = scope.valuesOf('HOME') ?? [home]
    return other === undefined ? value : unknownText
  }
  if (user === '+')
    return scope.directories?.length === 1 ? (scope.directories[0] ?? unknownText) : unknownText
  if (user === '-' || /^[+-]?\d+$/.test(user)) return unknownText
  return user === 'root' ? '/root' : `/home/${user}`
}

function isUnquotedExpansion(part: WordPart | undefined): boolean {
  return (
    part?.type === 'SimpleExpansion' ||
    part?.type === 'ParameterExpansion' ||
    part?.type === 'CommandExpansion'
  )
}

function textsOf(part: WordPart, to: Expander, matching: boolean): Texts {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return [part.value]
    case 'DoubleQuoted':
      return joined(part.parts, to)
    case 'LocaleString':
      return [unknownText]
    case 'Glob':
    case 'ExtendedGlob':
      return [matching ? anyName : part.text]
    case 'BraceExpansion':
      return [unknownText]
    case 'ProcessSubstitution':
      return ['/dev/fd/63']
    default: {
      const texts = expansionTexts(part, to)
      return matching ? texts.map(matched) : texts
    }
  }
}

/** Unquoted, the patterns in a variable's text are matched as well. */
function matched(text: string): string {
  return text.replace(/\[[^\]]*\]/g, anyName).replace(/[*?]/g, anyName)
}

function joined(parts: readonly DoubleQuotedChild[], to: Expander): Texts {
  let texts: string[] = ['']
  for (const part of parts) {
    const found = part.type === 'Literal' ? [part.value] : expansionTexts(part, to)
    texts = texts.flatMap((text) => found.map((more) => text + more))
    if (texts.length > mostTexts) return [unknownText]
  }
  return texts
}

/** The texts of an expansion; says what is wrong with it. */
export function expansionTexts(part: Exclude<DoubleQuotedChild, { type: 'Literal' }>, to: Expander): Texts {
  switch (part.type) {
    case 'SimpleExpansion':
      return variable(part.text.slice(1), to)
    case 'ParameterExpansion':
      return parameter(part, to)
    case 'CommandExpansion':
      return output(part, to)
    case 'ArithmeticExpansion':
      return [plainText]
    default:
      return part satisfies never
  }
}

function variable(name: string, to: Expander): Texts {
  if (name === '!') return [ownProcess]
  if (/^([?$#-]|RANDOM|SECONDS|LINENO|UID|EUID|PPID|BASHPID|SRANDOM|EPOCHSECONDS)$/.test(name))
    return [plainText]
  if (name === 'PWD') return to.scope.directories ?? [unknownText]
  const values = to.scope.valuesOf(name)
  if (values !== undefined) return values
  if (isModelKey(name)) to.forbid(`$${name} is the credential of the run itself`)
  else if (remembersSecret(name)) to.unreadable(`$${name} may be a credential`)
  return [name === '@' ? unknownWords : unknownText]
}

function parameter(part: ParameterExpansionPart, to: Expander): Texts {
  const { parameter: name, operation, index } = part
  if (part.end - part.pos > longestExpansion) {
    to.unreadable('an expansion is too long to be read')
    return [unknownWords]
  }
  // `"${@:2}"` and `"${list[@]}"` are many words, in quotes as well.
  const many = name === '@' || index?.text === '@'
  if (index !== undefined && !/^([@*]|\d+)$/.test(index.text))
    to.unreadable(`${part.text} computes an index, which can run commands`)
  if (operation?.type === 'Unknown') to.unreadable(`${part.text} is not known`)
  const texts = parameterTexts(part, to)
  return many && part.prefix !== '#' ? [unknownWords] : texts
}

function parameterTexts(part: ParameterExpansionPart, to: Expander): Texts {
  const { parameter: name, operation } = part
  if (part.prefix === '!') {
    // `${!prefix*}` and `${!array[@]}` are names and indexes only.
    if (operation?.type !== 'Names' && part.index === undefined)
      to.unreadable(`${part.text} names a variable by the text of another`)
    return [unknownText]
  }
  if (part.prefix === '#') return [plainText]
  if (part.index !== undefined) return [unknownText]
  const values = variable(name, to)
  switch (operation?.type) {
    case undefined:
      return values
    case 'Default': {
      const operand = expandText(operation.operand, to)
      if (operation.operator.endsWith('+')) return [...operand, '']
      if (operation.operator.endsWith('?')) return values
      const all = to.scope.valuesOf(name) === undefined ? [...operand, unknownText] : [...values, ...operand]
      if (operation.operator.endsWith('=')) {
        if (!maySet(name)) to.unreadable(`${part.text} sets ${name}, which other programs may obey`)
        to.scope.assign(name, all)
      }
      return all
    }
    case 'Remove':
      return removed(values, operation.operator, operation.operand)
    case 'Transform':
      if (!['Q', 'U', 'L', 'u'].includes(operation.operand.value))
        to.unreadable(`${part.text} may expand text once more, which can run commands`)
      return [unknownText]
    default:
      return [unknownText]
  }
}

/** The two idioms whose result is certain: a plain ending taken off, and `${path##*\/}`. */
function removed(values: Texts, operator: string, pattern: Word): Texts {
  const plain = pattern.parts === undefined && /^[\w.-]+$/.test(pattern.text)
  if (plain && operator.startsWith('%') && !values.some(holdsStandInAtEnd))
    return values.map((value) =>
      value.endsWith(pattern.value) ? value.slice(0, value.length - pattern.value.length) : value,
    )
  if (operator === '##' && pattern.text === '*/' && !values.some((value) => value.includes(unknownText)))
    return values.map((value) => value.slice(value.lastIndexOf('/') + 1))
  return [unknownText]
}

function holdsStandInAtEnd(value: string): boolean {
  return holdsStandIn([...value].at(-1) ?? '')
}

/** Is it a substitution, as written, that prints a number? */
export function printsNumber(text: string): boolean {
  return /^\$\((date \+%s|nproc|git rev-list --count HEAD|id -[ug])\)$/.test(text)
}

const plainOutput =
  /^(date \+%[sYFT]|nproc|git merge-base [a-zA-Z][\w/.-]* [a-zA-Z][\w/.-]*|git rev-parse (--short )?HEAD|git rev-list --count HEAD|id -[ug])$/

/** Some outputs are known: text that `cat` repeats, the directory, numbers. */
function output({ script }: CommandExpansionPart, to: Expander): Texts {
  const statement = script?.commands.length === 1 ? script.commands[0] : undefined
  const command = statement?.command
  if (command?.type !== 'Command' || command.prefix.length > 0 || to.scope.functions.size > 0)
    return [unknownText]
  const words = command.args.map((arg) =>
    arg.type === 'Word' && arg.parts === undefined ? arg.value : unknownText,
  )
  const line = [command.name?.value, ...words].join(' ')
  const [redirect, more] = command.redirects
  if (line === 'cat' && redirect?.type === 'HereDoc' && more === undefined) {
    const { body } = redirect
    const literal = body.parts === undefined || body.parts.every((part) => part.type === 'Literal')
    // Without quotes around the end mark a backslash takes the meaning from what follows it.
    const plain =
      literal &&
      redirect.operator === '<<' &&
      (redirect.delimiter?.quoted === true || !body.text.includes('\\'))
    return plain ? [body.text.replace(/\n+$/, '')] : [unknownText]
  }
  if (redirect !== undefined) return [unknownText]
  if (line === 'pwd') return to.scope.directories ?? [unknownText]
  return plainOutput.test(line) ? [plainText] : [unknownText]
}

/** All commands that arguments with several possible texts may be; too many of them are one unknown one. */
export function combinations(argv: readonly (readonly string[])[]): string[][] {
  let found: string[][] = [[]]
  for (const texts of argv) {
    const open = found.length * texts.length > mostCombinations ? [unknownText] : texts
    found = found.flatMap((one) => open.map((text) => [...one, text]))
  }
  return found
}
