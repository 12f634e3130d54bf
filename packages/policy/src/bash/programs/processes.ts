/** Looking at processes and ending them. */
import type { Call, Rules } from '#bash/call'
import { isUnknown, ownProcess, show } from '#bash/symbols'
import { take } from './arguments.ts'

function kill(call: Call) {
  if (['-l', '-L'].includes(call.args[0] ?? '')) return
  const { args } = call
  const targets = args.filter(
    (arg, index) => !/^-(s|n|[A-Z]+|\d+)$/.test(arg) || (index > 0 && /^-\d+$/.test(arg)),
  )
  for (const target of targets) {
    if (args[args.indexOf(target) - 1] === '-s' || target === '--') continue
    if (target === ownProcess || /^%/.test(target)) continue
    if (isUnknown(target)) call.unreadable(`it is not known which process kill ${show(target)} would end`)
    else call.forbid(`kill ${show(target)} would end a process that this command did not start`)
  }
}

function ps(call: Call) {
  const shows = call.args.some(
    (arg) => /^([a-zA-Z]*e[a-zA-Z]*|-[a-zA-Z]*E[a-zA-Z]*)$/.test(arg) || /(^|[,=])(environ|env)\b/.test(arg),
  )
  if (shows) call.forbid('ps e prints the environment of processes, which holds credentials')
}

function viewer(call: Call) {
  for (const path of take(call.args).operands) call.reads(path)
}

export const processRules: Rules = {
  kill,
  ps,
  top: viewer,
  htop: viewer,
  pstree: viewer,
  pmap: (call) => call.forbid('pmap looks into the memory of processes'),
}
