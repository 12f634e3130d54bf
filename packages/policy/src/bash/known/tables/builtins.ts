/** Builtins of bash. Those that are not here (`eval` apart) run text, load code or change how words are read. */
import type { Call, Rule } from '#bash/call'
import { isUnknown, plainText, show, startsUnknown } from '#bash/symbols'
import { type Entry, judgeBy } from '../judge.ts'

const unary = /^-[abcdefghknoprstuwxzGLNOS]$/
const binary = /^(=|==|!=|<|>|-(eq|ne|lt|le|gt|ge|nt|ot|ef))$/

/** `-v` and `-R` evaluate an index, which can run commands; so operators have to be written out. */
const test: Rule = (call) => {
  const args = [...call.args]
  if (call.name === '[' && args.pop() !== ']') call.unreadable('[ has no end')
  while (args[0] === '!' && args.length > 1) args.shift()
  const [first = '', second = '', third] = args
  if (args.some((arg) => /\u{f0004}/u.test(arg)))
    call.unreadable(`${call.name} is given words that are not known`)
  else if (args.length <= 1) return
  else if (args.length === 2 && unary.test(first)) return
  else if (args.length === 3 && binary.test(second) && third !== undefined) return
  else if (args.some((arg) => isUnknown(arg) || /^-[vR]$/.test(arg)))
    call.unreadable(`${show(args.join(' '))} may evaluate text that is not known`)
}

function cd(call: Call): void {
  const args = call.args[0] === '--' ? call.args.slice(1) : call.args
  const [path] = args
  if (
    args.length > 1 ||
    path === '-' ||
    path?.startsWith('-') === true ||
    (path !== undefined && startsUnknown(path))
  ) {
    call.unreadable(`it is not known where ${call.name} ${show(args.join(' '))} leads`)
    call.changesDirectory(null)
    return
  }
  if (path === undefined && call.name === 'pushd') call.changesDirectory(null)
  else {
    call.reads(path ?? '~')
    call.changesDirectory(path ?? call.homePath)
  }
}

const set: Rule = (call) => {
  for (const [index, arg] of call.args.entries()) {
    if (/^[-+][eux]+o?$/.test(arg) || /^[-+]o$/.test(arg)) continue
    if (/o$/.test(call.args[index - 1] ?? '') && /^(pipefail|errexit|nounset|xtrace)$/.test(arg)) continue
    call.unreadable(`set ${show(arg)} may change how bash reads commands`, arg)
  }
  if (call.args.length === 0) call.unreadable('set prints all variables, which may hold credentials')
}

/** Assignments have been judged where they are read; here are the options and what names alone do. */
const declares: Rule = (call) => {
  if (call.args.every((arg) => /^[-+]/.test(arg)))
    call.unreadable(`${call.name} prints variables, which may hold credentials`)
  for (const arg of call.args) {
    if (/^-[argx]+$/.test(arg) || /^[A-Za-z_]\w*=$/.test(arg)) continue
    if (!/^[A-Za-z_]\w*$/.test(arg)) call.unreadable(`${call.name} is given ${show(arg)}`, arg)
    else if (call.name === 'export' || call.args[0]?.includes('x') === true)
      call.unreadable(`${call.name} hands ${arg} to programs`, arg)
  }
}

const evaluates: Rule = (call) => {
  if (call.args.some(isUnknown)) call.unreadable('eval runs text that is not known')
  call.script(call.args.join(' '))
}

const command: Rule = (call) => {
  const [first = ''] = call.args
  if (/^-[vV]$/.test(first)) return judgeBy('-vV | target*')(call)
  if (first.startsWith('-')) call.unreadable(`command is given ${show(first)}`, first)
  call.command(call.args.filter((arg, index) => index > 0 || !arg.startsWith('-')))
}

const trap: Rule = (call) => {
  const [text = '', ...signals] = call.args[0] === '--' ? call.args.slice(1) : call.args
  if (!signals.every((signal) => /^(EXIT|INT|TERM|HUP|ERR|0)$/.test(signal)) || text === '')
    call.unreadable(`the policy does not know what trap does with ${show(call.args.join(' '))}`)
  if (text !== '-') call.laterScript(text)
}

const executes: Rule = (call) => {
  if (call.args.length === 0) return
  call.unreadable('exec puts another program in the place of the shell')
  const start = call.args.findIndex((arg) => !arg.startsWith('-'))
  if (start !== -1) call.command(call.args.slice(start))
}

const exportsNothing = (call: Call) => call.unreadable(`${call.name} may run or load code`)

export const builtinTables: Readonly<Record<string, Entry | Rule>> = {
  'test [': test,
  'cd pushd': cd,
  popd: (call) => call.changesDirectory(null),
  set,
  'export declare typeset local readonly': declares,
  eval: evaluates,
  'command builtin': command,
  trap,
  exec: executes,
  'source . alias enable bind complete hash fc history shopt let getopts coproc': exportsNothing,
  read: '-rs -p:text -a:variable -d:text -n:number -t:number -N:number | variable*',
  'mapfile readarray': '-t -d:text -n:number | variable?',
  unset: '-f -v | variable*',
  'exit return break continue shift': (call) => {
    for (const arg of call.args)
      if (!/^\d+$/.test(arg.replaceAll(plainText, '0')))
        call.unreadable(`${call.name} evaluates ${show(arg)}`, arg)
  },
  wait: '-n | pidlike*',
  jobs: '-lprs |',
  ulimit: '-acnu |',
  umask: '|',
  times: '|',
}
