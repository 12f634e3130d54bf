/** `awk`: a program in it can run commands and open files, so it is looked through for what could. */
import type { Call, Rules } from '#bash/call'
import { holdsStandIn, show } from '#bash/symbols'
import { take, valuesOf } from './arguments.ts'

const reaches: readonly [pattern: RegExp, what: string][] = [
  [/\bsystem\b/, 'runs a command by system()'],
  [/\bgetline\b/, 'reads a file or a command by getline'],
  [/\|&|(^|[^|])\|(?!\|)/, 'may pipe into a command'],
  [/\bprintf?\b[\s\S]*>/, 'may write a file'],
  [/@/, 'loads or calls something by name'],
  [/\b(ARGV|ENVIRON|ARGC|PROCINFO)\b/, 'uses its arguments or environment as data'],
]

function awk(call: Call) {
  const taken = take(
    call.args,
    { values: 'Fvf', longValues: ['--assign', '--field-separator', '--file'] },
    true,
  )
  const strange = [...taken.options].find(
    (option) => !/^(-[Fvf]|--(assign|field-separator|file|posix|re-interval|csv))$/.test(option),
  )
  if (strange !== undefined)
    call.unreadable(`${call.name} has the option ${show(strange)}, which the policy does not know`)
  const files = valuesOf(taken, '-f', '--file')
  for (const file of files) {
    call.reads(file)
    call.executes(file)
  }
  const [program = '', ...operands] = files.length > 0 ? ['', ...taken.operands] : taken.operands
  if (holdsStandIn(program))
    call.unreadable(`the program of ${call.name} is not written out: ${show(program)}`)
  for (const [pattern, what] of reaches)
    if (pattern.test(program)) call.unreadable(`the ${call.name} program ${show(program)} ${what}`)
  for (const operand of operands) call.reads(operand.replace(/^\w+=/, ''))
}

export const awkRules: Rules = { awk, gawk: awk, mawk: awk, nawk: awk }
