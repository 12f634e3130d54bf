/** Judges a simple command by what is known of its program: by its grammar, and by what that leaves out. */
import type { Call, Rule } from '#bash/call'
import { optionProblem, show, startsUnknown } from '#bash/symbols'
import { type Matched, match } from './arguments.ts'
import { type Grammar, grammar } from './grammar.ts'
import { judgeValue } from './kinds.ts'

/** A line of grammar; with `also` for what a grammar cannot say. */
export type Entry = string | { grammar: string; also(call: Call, matched: Matched): void }

export function judgeBy(entry: Entry): Rule {
  const line = typeof entry === 'string' ? entry : entry.grammar
  let known: Grammar | undefined
  return (call) => {
    known ??= grammar(line)
    const matched = match(call.args, known)
    if (typeof entry !== 'string') entry.also(call, matched)
    judgeMatched(call, matched, known)
  }
}

function judgeMatched(call: Call, matched: Matched, { marks }: Grammar): void {
  if (marks.has('never')) call.unreadable(`${call.name} acts beyond the project`, call.name)
  for (const text of matched.strange)
    call.unreadable(
      startsUnknown(text)
        ? optionProblem(text, call.name)
        : `the policy does not know what ${call.name} does with ${show(text)}`,
      text,
    )
  for (const value of matched.values) judgeValue(call, value)
  if (marks.has('runs')) call.runsProject()
  if (marks.has('changes')) call.changes('.')
  const inner = matched.values.filter(({ kind }) => kind === 'command').map(({ text }) => text)
  if (inner.length > 0) call.command(inner)
}

/** A program whose first operand is a command of its own: `git log`, `npm run`. */
export function subcommands(entries: Readonly<Record<string, Entry | Rule>>): Rule {
  const rules = new Map(Object.entries(entries).map(([name, entry]) => [name, ruleFor(entry)]))
  return (call) => {
    const [name = '', ...args] = call.args
    const rule = rules.get(name)
    if (rule === undefined)
      call.unreadable(`the policy does not know ${call.name} ${show(name)}`, call.args[0] ?? call.name)
    else rule({ ...call, name: `${call.name} ${name}`, args })
  }
}

export function ruleFor(entry: Entry | Rule): Rule {
  return typeof entry === 'function' ? entry : judgeBy(entry)
}

export function rulesOf(entries: Readonly<Record<string, Entry | Rule>>): [string, Rule][] {
  return Object.entries(entries).flatMap(([names, entry]) => {
    const rule = ruleFor(entry)
    return names.split(' ').map((name): [string, Rule] => [name, rule])
  })
}
