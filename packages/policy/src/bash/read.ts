/**
 * Reads a bash command from its syntax tree and says what is wrong with it: nothing, harm that it
 * spells out, or something that cannot be read. See docs/policy.md.
 */
import { parse } from 'unbash'
import { ruleOf } from '#bash/programs/index'
import { type Finding, gravest } from '#finding'
import type { Input } from './call.ts'
import { combinations } from './combinations.ts'
import { limits, Reading, type ReadingOptions } from './reading.ts'
import { Scope, samePlaces } from './scope.ts'
import { isSystemProgram, simpleCall } from './simple-call.ts'
import { Walker } from './statements.ts'
import { holdsStandIn, isUnknown, show } from './symbols.ts'

export type BashReader = (command: string, cwd: string) => Finding | null

export function createBashReader(options: ReadingOptions): BashReader {
  return (command, cwd) => {
    const reading = new Reading(options)
    const scope = new Scope(options.places.resolve(cwd, '/'), [
      ['HOME', options.home],
      ...(options.sandboxed ? [['TMPDIR', '/tmp'] satisfies [string, string]] : []),
    ])
    readScript(reading, scope, command, { from: 'nowhere' })
    return gravest(reading.findings)
  }
}

function readScript(reading: Reading, scope: Scope, text: string, input: Input) {
  if (text.length > limits.characters)
    return reading.unreadable(`the command is longer than ${limits.characters} characters`)
  if (holdsStandIn(text) || /[^\P{Cc}\n\t]/u.test(text))
    return reading.unreadable('the command holds control characters or characters without a meaning')
  const walker = new Walker({
    reading,
    scope,
    simple: (argv, { dynamicName }, from, at) => {
      const [name = []] = argv
      if (dynamicName)
        reading.unreadable(`the name of the program is not written out: ${show(name.join(' or '))}`)
      for (const one of combinations(argv)) readCommand(reading, at, one, from)
    },
  })
  walker.script(parse(text), input)
}

/** A function the script defines hides the program of its name, and has been read where it is defined. */
function readCommand(reading: Reading, scope: Scope, argv: readonly string[], input: Input) {
  const [program] = argv
  if (program === undefined || program === '' || !reading.look()) return
  const call = simpleCall({
    reading,
    scope,
    argv,
    input,
    readScript: (text) => reading.deeper(() => readScript(reading, scope, text, input)),
    readLater: (text) => {
      reading.trapped = true
      scope.atAnyTime(() => reading.deeper(() => readScript(reading, scope, text, { from: 'elsewhere' })))
    },
    readCommand: (inner, from) => reading.deeper(() => readCommand(reading, scope, inner, from)),
  })
  const rule = ruleOf(call.name)
  const own = scope.functions.get(program)
  if (own !== undefined) {
    if (rule !== undefined)
      reading.unreadable(`the function ${program} takes the place of the program ${program}`)
    if (!samePlaces(own.directories, scope.directories))
      reading.unreadable(`the function ${program} is called in another directory than it is defined in`)
    if (own.moves) scope.moveTo(null)
    return
  }
  if (isUnknown(program)) return reading.unreadable(`the program is not known: ${show(program)}`)
  if (rule !== undefined && isSystemProgram(program)) return rule(call)
  // A package's programs are called by their path as well; what such a name does is judged all the same.
  rule?.(call)
  if (program.includes('/')) {
    call.executes(program)
    for (const arg of call.args) if (rule === undefined) judgeArgument(call, arg)
  } else if (rule === undefined) reading.unreadable(`the policy does not know the program ${show(program)}`)
}

/** A program of the project may do with its arguments what it likes. */
function judgeArgument(call: ReturnType<typeof simpleCall>, arg: string): void {
  const value = arg.startsWith('-') && arg.includes('=') ? arg.slice(arg.indexOf('=') + 1) : arg
  if (isUnknown(value) || value.startsWith('-')) return
  call.reads(value)
  if (value.includes('/') && call.isOutside(value))
    call.unreadable(`it is not known what ${call.name} does with ${show(value)}, outside the project`)
}
