/**
 * Reads a bash command from its syntax tree and says what is wrong with it: nothing, harm that it
 * spells out, or something that cannot be read. See docs/policy.md.
 */
import { parse } from 'unbash'
import { ruleOf } from '#bash/known/index'
import { combinations } from '#bash/words/expand'
import { globTrouble } from '#bash/words/globs'
import type { Finding, Span } from '#finding'
import type { Call, Input } from './call.ts'
import { withoutBodies } from './heredocs.ts'
import { limits, Reading, type ReadingOptions } from './reading.ts'
import { Scope, samePlaces } from './scope.ts'
import { isSystemProgram, simpleCall } from './simple-call.ts'
import { Walker } from './statements.ts'
import { anyName, holdsStandIn, isUnknown, plainText, show } from './symbols.ts'

export interface BashReading {
  findings: readonly Finding[]
  /** How much was looked at, for the test that it is bounded. */
  looks: number
}
export type BashReader = (command: string, cwd: string) => BashReading

export function createBashReader(options: ReadingOptions): BashReader {
  return (command, cwd) => {
    const reading = new Reading(options)
    const scope = new Scope(options.places.resolve(cwd, '/'), [
      ['HOME', options.home],
      ...(options.sandboxed ? [['TMPDIR', '/tmp'] satisfies [string, string]] : []),
    ])
    readScript(reading, scope, command, { from: 'nowhere' })
    reading.finish()
    return { findings: reading.findings, looks: reading.looks }
  }
}

function readScript(reading: Reading, scope: Scope, text: string, input: Input): void {
  if (holdsStandIn(text) || /[^\P{Cc}\n\t]/u.test(text)) {
    reading.unreadable('the command holds control characters or characters without a meaning')
    return
  }
  const short = text.length > limits.characters ? withoutBodies(text) : text
  if (text.length > limits.charactersAltogether || short === null || short.length > limits.characters) {
    reading.forbid(`the command is too long to be judged (${text.length} characters): write it to a file`)
    return
  }
  if ((short.match(/[$<>]\(|\$\{|`/g)?.length ?? 0) > limits.openings) {
    reading.forbid('the command has too many substitutions to be judged: write it to a script')
    return
  }
  // Given to one command alone, it splits what `read` reads and nothing else.
  if (/\bIFS=(?!\S*[ \t]+read\b)/.test(text)) reading.splitsAnywhere = true
  const walker = new Walker({
    reading,
    scope,
    simple: (argv, { dynamicName, spans }, from, at) => {
      const [name = []] = argv
      if (dynamicName) reading.unreadable(nameProblem(name))
      for (const one of combinations(argv)) readCommand(reading, at, one, spans, from)
    },
  })
  // Offsets count only in the text as it was given.
  if (short === text) walker.script(parse(text), input)
  else reading.within(() => walker.script(parse(short), input))
}

/** Of a name that is not known at all there is nothing to show. */
function nameProblem(name: readonly string[]): string {
  const shown = show(name.join(' or '))
  return `the name of the program is not written out${shown === '…' ? '' : `: ${shown}`}`
}

/** A function the script defines hides the program of its name, and has been read where it is defined. */
function readCommand(
  reading: Reading,
  scope: Scope,
  argv: readonly string[],
  spans: readonly (Span | undefined)[],
  input: Input,
): void {
  const [program] = argv
  if (program === undefined || program === '' || !reading.look(argv.length)) return
  const nested = (happen: () => void) => reading.within(() => reading.deeper(happen))
  const call = simpleCall({
    reading,
    scope,
    argv,
    spans,
    input,
    readScript: (text) => nested(() => readScript(reading, scope, text, input)),
    readLater: (text) => {
      reading.trapped = true
      reading.order.atAnyTime()
      scope.atAnyTime(() => nested(() => readScript(reading, scope, text, { from: 'elsewhere' })))
    },
    readCommand: (inner, at, from) => reading.deeper(() => readCommand(reading, scope, inner, at, from)),
  })
  for (const arg of call.args) if (arg.startsWith(anyName)) judgeMatches(call, arg, reading)
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
  if (isUnknown(program)) reading.unreadable(`the program is not known: ${show(program)}`)
  else if (isSystemProgram(program)) {
    if (rule === undefined) call.unreadable(`the policy does not know the program ${show(program)}`, program)
    else if (!/^--(version|help)$/.test(call.args.join(' '))) rule(call)
  } else runsOfProject(call, program, rule)
}

/** What a pattern matches could be options of any program. */
function judgeMatches(call: Call, pattern: string, reading: Reading): void {
  reading.givesMatches()
  for (const path of call.pathsOf(pattern) ?? []) {
    const trouble = globTrouble(path, reading)
    if (trouble !== null) call.unreadable(`${show(pattern)} ${trouble}`, pattern)
  }
}

/** A program of the project may do with its arguments what it likes. */
function runsOfProject(call: Call, program: string, rule: ReturnType<typeof ruleOf>): void {
  call.executes(program)
  call.runsProject()
  if (rule !== undefined) rule(call)
  else
    for (const arg of call.args)
      if (!/^[\w@%+:,./][\w@%+=:,./-]*$/.test(arg.replaceAll(plainText, '0')))
        call.unreadable(`${show(arg)} is given to ${show(program)}, which may do anything with it`, arg)
      else if (/[/~]|^\.\.?$/.test(arg)) call.writes(arg, false)
}
