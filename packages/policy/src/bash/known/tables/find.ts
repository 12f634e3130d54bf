/** `find`: where it looks, what it removes, and the commands it runs for each file. */
import type { Call, Rule } from '#bash/call'
import { couldBe, globToStandIns, isUnknown, namesBelow, optionProblem, show } from '#bash/symbols'

/** Files that a search meant for something else must not come upon. */
const bystanders = [
  './.git',
  './.git/config',
  './.git/HEAD',
  './.git/hooks/pre-commit',
  './.git/objects/ab',
  './.git/objects/ab/0123456789abcdef0123456789abcdef012345',
  './src/index.ts',
  './.mcp.json',
  './.claude',
  './millrace.config.ts',
]
const withValue =
  /^-(name|iname|path|ipath|wholename|iwholename|regex|iregex|type|xtype|size|mtime|mmin|atime|amin|ctime|cmin|newer|maxdepth|mindepth|user|group|perm|links|lname|ilname|regextype|printf)$/
const withoutValue =
  /^(-(print|print0|ls|prune|quit|empty|true|false|depth|xdev|mount|not|a|and|o|or|readable|writable|executable|P)|[()!])$/

interface Test {
  name: string
  value?: string
}

const find: Rule = (call) => {
  const { args } = call
  const start = args.findIndex((arg) => /^[-(!,]/.test(arg) && arg !== '-P')
  const operands = (start === -1 ? args : args.slice(0, start)).filter((arg) => arg !== '-P')
  const roots = operands.length === 0 ? ['.'] : operands
  for (const root of roots) {
    if (/^[\u{f0000}\u{f0001}\u{f0004}]/u.test(root)) call.unreadable(optionProblem(root, 'find'), root)
    call.reads(root, true)
  }
  /** The expression so far, without the commands it runs. */
  const tests: Test[] = []
  for (let at = start === -1 ? args.length : start; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (/^-(exec|execdir|ok|okdir)$/.test(arg)) {
      const end = args.findIndex(
        (one, index) => index > at && (one === ';' || (one === '+' && args[index - 1] === '{}')),
      )
      if (end === -1) call.unreadable(`find ${arg} has no end`, arg)
      if (arg !== '-exec') call.unreadable(`find ${arg} runs in directories that are not known`, arg)
      runs(call, args.slice(at + 1, end === -1 ? undefined : end), roots, tests)
      at = end === -1 ? args.length : end
    } else if (withValue.test(arg)) {
      const value = args[++at] ?? ''
      tests.push({ name: arg, value })
      if (arg === '-newer') call.reads(value)
      if (/\u{f0004}/u.test(value)) call.unreadable(`${show(value)} could be more tests of find`, value)
    } else if (arg === '-delete') {
      const broad = meetsBystanders(tests)
      if (tests.some((test) => test.name === '-empty') && roots.some((root) => isAll(call, root)))
        call.unreadable('find may remove empty directories that git keeps', arg)
      for (const root of roots) refuseBroad(call, root, broad, 'find -delete')
    } else if (withoutValue.test(arg) && !isUnknown(arg)) tests.push({ name: arg })
    else call.unreadable(`the policy does not know what find does with ${show(arg)}`, arg)
  }
}

/**
 * Could the tests before an action let a bystander through? Each of the alternatives must look for a
 * name that no bystander has.
 */
function meetsBystanders(tests: readonly Test[]): boolean {
  const negates = (test: Test | undefined) => test?.name === '!' || test?.name === '-not'
  if (tests.some((test, at) => test.name === ',' || (negates(test) && tests[at + 1]?.name === '(')))
    return true
  const alternatives: Test[][] = [[]]
  for (const test of tests) {
    if (/^-or?$/.test(test.name)) alternatives.push([])
    else alternatives.at(-1)?.push(test)
  }
  return alternatives.some(
    (alternative) => !alternative.some((test, at) => spares(test) && !negates(alternative[at - 1])),
  )
}

function spares({ name, value }: Test): boolean {
  // What is empty holds nothing that could be lost.
  if (name === '-empty' || (name === '-size' && value === '0')) return true
  if (!/^-i?(name|path|wholename)$/.test(name) || value === undefined) return false
  const pattern = globToStandIns(value)
  // A path's `*` also matches slashes, and a stand-in any text.
  const whole = !/^-i?name$/.test(name)
  const met = bystanders.some((path) =>
    couldBe(pattern, whole ? path : path.slice(path.lastIndexOf('/') + 1)),
  )
  return !met || /\.(ts|js)$/.test(value)
}

function refuseBroad(call: Call, root: string, broad: boolean, what: string) {
  if (broad && !isAll(call, root)) call.removes(root)
  else call.removes(`${root}/${namesBelow}`)
  if (broad && isAll(call, root)) call.forbid(`${what} would come upon the history and protected files`)
}

/** `{}` stands for whatever is below the roots. */
function runs(call: Call, command: readonly string[], roots: readonly string[], tests: readonly Test[]) {
  const broad = meetsBystanders(tests)
  const [program = ''] = command
  const name = program.slice(program.lastIndexOf('/') + 1)
  if (program.includes('{}')) {
    call.unreadable('find runs what it finds', program)
    return
  }
  const removes = /^(rm|rmdir|unlink)$/.test(name)
  // A link that is found is followed by what is run for it, unless that removes the link itself.
  const plain = tests.some(
    (test, at) =>
      test.name === '-type' && test.value === 'f' && !/^(!|-not)$/.test(tests[at - 1]?.name ?? ''),
  )
  if (!removes && (!plain || tests.some(({ name: test }) => /^-or?$/.test(test))))
    call.unreadable(`find runs ${show(name)} for links as well: -type f would leave them out`, program)
  // In a shell's text the names found are code.
  if (/sh$/.test(name) && command.slice(1, 3).some((arg) => arg.includes('{}')))
    call.unreadable(`find puts names of files into the text of ${name}`, program)
  for (const root of roots) {
    if (removes) refuseBroad(call, root, broad, `find -exec ${name}`)
    const found = broad && isAll(call, root) && !removes ? `${root}/.git/config` : `${root}/${namesBelow}`
    call.command(
      command.map((arg) => arg.replaceAll('{}', found)),
      { from: 'nowhere' },
    )
  }
}

function isAll(call: Call, root: string): boolean {
  return /^(\.\/*)?$/.test(root) || root === call.projectPath
}

export const findTables: Readonly<Record<string, Rule>> = { find }
