/** `find` and `fd`: where they look, what they remove, and the commands they run for each file. */
import type { Call, Rules } from '#bash/call'
import { anyName, couldBe, globToStandIns, isUnknown, show } from '#bash/symbols'

/** Files that a search meant for something else must not come upon. */
const bystanders = [
  './.git/config',
  './.git/HEAD',
  './.git/hooks/pre-commit',
  './.git/objects/ab',
  './src/index.ts',
  './.mcp.json',
  './millrace.config.ts',
]
const withValue =
  /^-(name|iname|path|ipath|wholename|iwholename|regex|iregex|type|xtype|size|mtime|mmin|atime|amin|ctime|cmin|newer.*|maxdepth|mindepth|user|group|perm|fstype|inum|links|samefile|lname|ilname|uid|gid|used|context|regextype|printf|anewer|cnewer|D|O\d?)$/
const withoutValue =
  /^(-(print|print0|ls|prune|quit|empty|true|false|depth|d|xdev|mount|follow|not|a|and|o|or|readable|writable|executable|nouser|nogroup|daystart|noleaf|L|P|H|E|X|s|delete|ignore_readdir_race|warn|nowarn)|[()!,])$/

interface Test {
  name: string
  value?: string
}

function find(call: Call) {
  const { args } = call
  const start = args.findIndex((arg) => /^[-(!,]/.test(arg) && !/^-[LPHEXs]$/.test(arg))
  const operands = (start === -1 ? args : args.slice(0, start)).filter((arg) => !/^-[LPHEXs]$/.test(arg))
  const roots = operands.length === 0 ? ['.'] : operands
  for (const root of roots) call.reads(root, true)
  /** The expression so far, without the commands it runs. */
  const tests: Test[] = []
  for (let at = start === -1 ? args.length : start; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (/^-(exec|execdir|ok|okdir)$/.test(arg)) {
      const end = args.findIndex(
        (one, index) => index > at && (one === ';' || (one === '+' && args[index - 1] === '{}')),
      )
      if (end === -1) call.unreadable(`find ${arg} has no end`)
      const command = args.slice(at + 1, end === -1 ? undefined : end)
      runs(call, command, roots, meetsBystanders(tests))
      at = end === -1 ? args.length : end
    } else if (/^-f(print0?|ls)$/.test(arg)) call.writes(args[++at] ?? '')
    else if (arg === '-fprintf') {
      call.writes(args[at + 1] ?? '')
      at += 2
    } else if (arg === '-files0-from') {
      call.unreadable('find takes the names of directories from another file')
      at++
    } else if (withValue.test(arg)) {
      const value = args[++at] ?? ''
      tests.push({ name: arg, value })
      if (/newer|samefile/.test(arg)) call.reads(value)
    } else if (arg === '-delete') {
      const broad = meetsBystanders(tests)
      for (const root of roots) refuseBroad(call, root, broad, 'find -delete')
    } else if (withoutValue.test(arg) && !isUnknown(arg)) tests.push({ name: arg })
    else call.unreadable(`find is given ${show(arg)}, which the policy does not know`)
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
  if (broad) call.removes(root)
  else call.writes(root === '.' ? './found' : `${root}/found`)
  if (broad && isAll(call, root)) call.forbid(`${what} would come upon the history and protected files`)
}

/** `{}` stands for whatever is below the roots. */
function runs(call: Call, command: readonly string[], roots: readonly string[], broad: boolean) {
  const [program = ''] = command
  const name = program.slice(program.lastIndexOf('/') + 1)
  if (program.includes('{}')) return call.unreadable('find runs what it finds')
  if (/^(rm|rmdir|unlink|shred|mv|truncate)$/.test(name))
    for (const root of roots) refuseBroad(call, root, broad, `find -exec ${name}`)
  for (const root of roots) {
    // Whatever is found may be one of the protected files.
    const found = broad && isAll(call, root) ? `${root}/.git/config` : `${root}/${anyName}/${anyName}`
    const shell = /^(ba|da|z|k)?sh$/.test(name)
    // In a shell's text the names found are code; the rest of the text is read all the same.
    const intoText = shell && command.slice(1, 3).some((arg) => arg.includes('{}'))
    if (intoText) call.unreadable(`find puts names of files into the text of ${name}`)
    const filled = intoText ? command : command.map((arg) => arg.replaceAll('{}', found))
    call.command(filled, { from: 'nowhere' })
  }
}

function isAll(call: Call, root: string): boolean {
  return /^(\.\/*)?$/.test(root) || root === call.projectPath
}

function fd(call: Call) {
  if (call.args.some((arg) => /^-(x|X)|^--exec/.test(arg)))
    call.unreadable(`${call.name} runs a command for each file`)
  for (const arg of call.args) if (!arg.startsWith('-')) call.reads(arg, true)
}

export const findRules: Rules = { find, gfind: find, fd, fdfind: fd }
