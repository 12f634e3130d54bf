/** Programs that run another one. Those that say it plainly are read through. */
import type { Call, Rule, Rules } from '#bash/call'
import { steers } from '#bash/environment'
import { isUnknown, show, unknownText } from '#bash/symbols'
import { has, type OptionTable, take, valuesOf } from './arguments.ts'

interface Wrapper extends OptionTable {
  /** Options that change nothing about what is run. */
  options: RegExp
  /** So many operands come before the command. */
  before?: number
}

const wrappers: Record<string, Wrapper> = {
  timeout: {
    values: 'ks',
    longValues: ['--kill-after', '--signal'],
    options: /^(-[ksvfp]|--(kill-after|signal|verbose|foreground|preserve-status))$/,
    before: 1,
  },
  nohup: { options: /^$/ },
  nice: { values: 'n', longValues: ['--adjustment'], options: /^(-[n0-9]|--adjustment)$/ },
  ionice: { values: 'cn', options: /^-[cnt]$/ },
  stdbuf: {
    values: 'ioe',
    longValues: ['--input', '--output', '--error'],
    options: /^(-[ioe]|--(input|output|error))$/,
  },
  setsid: { options: /^-[fwc]$|^--(fork|wait|ctty)$/ },
  time: { values: 'f', options: /^-[pvf]$/ },
  command: { options: /^-[pvV]$/ },
  builtin: { options: /^$/ },
  exec: { values: 'a', options: /^-[cla]$/ },
  unbuffer: { options: /^-p$/ },
  'cross-env': { options: /^$/ },
  catchsegv: { options: /^$/ },
  taskset: { options: /^-c$/, before: 1 },
  chrt: { options: /^-[bfior]$/, before: 1 },
  corepack: { options: /^$/ },
}

function through(wrapper: Wrapper): Rule {
  return (call) => {
    const taken = take(call.args, wrapper, true)
    if (call.name === 'command' && has(taken, '-v', '-V')) return
    const strange = [...taken.options].find((option) => !wrapper.options.test(option))
    if (strange !== undefined)
      call.unreadable(`${call.name} has the option ${show(strange)}, which the policy does not know`)
    let command = taken.operands.slice(wrapper.before ?? 0)
    if (call.name === 'cross-env') command = withoutAssignments(call, command)
    if (command.length > 0) inner(call, command)
  }
}

function inner(call: Call, command: readonly string[]) {
  if (isUnknown(command[0] ?? ''))
    call.unreadable(`${call.name} runs a program that is not written out: ${show(command[0] ?? '')}`)
  else call.command(command)
}

function withoutAssignments(call: Call, args: readonly string[]): string[] {
  const start = args.findIndex((arg) => !/^[^=]+=/.test(arg))
  for (const arg of args.slice(0, start === -1 ? undefined : start)) {
    const [name = '', ...value] = arg.split('=')
    if (steers(name, value.join('='))) call.unreadable(`${show(arg)} changes which code other programs run`)
  }
  return start === -1 ? [] : args.slice(start)
}

function env(call: Call) {
  const taken = take(call.args, { values: 'uCS', longValues: ['--unset', '--chdir', '--split-string'] }, true)
  const strange = [...taken.options].find(
    (option) => !/^(-[iuCS0v]|--(ignore-environment|unset|chdir|split-string|null))$/.test(option),
  )
  if (strange !== undefined)
    call.unreadable(`env has the option ${show(strange)}, which the policy does not know`)
  for (const text of valuesOf(taken, '-S', '--split-string')) call.script([text, ...taken.operands].join(' '))
  if (has(taken, '-S', '--split-string'))
    return call.unreadable('env -S splits text into a command by rules of its own')
  if (has(taken, '-C', '--chdir')) call.unreadable('env -C runs the command in another directory')
  const command = withoutAssignments(call, taken.operands)
  if (command.length === 0) return call.forbid('env prints the environment, which holds credentials')
  inner(call, command)
}

function xargs(call: Call) {
  const taken = take(
    call.args,
    {
      values: 'IiLlnPsEdea',
      longValues: ['--replace', '--max-args', '--max-procs', '--max-lines', '--delimiter', '--arg-file'],
    },
    true,
  )
  if (has(taken, '-a', '--arg-file')) for (const path of valuesOf(taken, '-a', '--arg-file')) call.reads(path)
  const [program = 'echo', ...args] = taken.operands
  if (isUnknown(program)) return call.unreadable('xargs runs a program that is not written out')
  const [mark] = valuesOf(taken, '-I', '--replace')
  if (mark !== undefined && mark !== '') {
    if (program.includes(mark)) return call.unreadable('xargs runs what it reads')
    return call.command([program, ...args.map((arg) => arg.replaceAll(mark, unknownText))], {
      from: 'nowhere',
    })
  }
  call.command([program, ...args, unknownText], { from: 'nowhere' })
}

function busybox(call: Call) {
  const [applet = '--help'] = call.args
  if (!applet.startsWith('-')) inner(call, call.args)
}

function flock(call: Call) {
  const taken = take(call.args, { values: 'wEc', longValues: ['--wait', '--timeout', '--command'] }, true)
  const [file = '', ...command] = taken.operands
  if (!/^\d+$/.test(file)) call.writes(file)
  if (command[0] === '-c' || command[0] === '--command') call.script(command[1] ?? '')
  else if (command.length > 0) inner(call, command)
}

function evaluates(call: Call) {
  const text = call.args.join(' ')
  if (isUnknown(text)) call.unreadable(`eval runs text that is not written out: ${show(text)}`)
  else call.script(text)
}

function traps(call: Call) {
  const [text = ''] = call.args.filter((arg) => !/^-[lp-]$/.test(arg))
  if (text === '' || text === '-' || (call.args.length === 1 && /^[A-Z]+$/.test(text))) return
  if (isUnknown(text)) call.unreadable('trap runs text that is not written out')
  else call.laterScript(text)
}

function opaque(what: string): Rule {
  return (call) => {
    call.unreadable(`${call.name} ${what}`)
  }
}

const opaqueRunners =
  'parallel watch script expect socat nc ncat netcat start-stop-daemon run-parts entr inotifywait unrar screen tmux dtach zellij byobu xterm systemd-inhibit dbus-run-session xvfb-run faketime fakeroot proxychains torsocks torify rlwrap direnv dotenv dotenvx ld.so setarch linux32 linux64 i386 aoss choom prlimit numactl scriptreplay logsave sshpass gtester task'.split(
    ' ',
  )

export const wrapperRules: Rules = {
  ...Object.fromEntries(Object.entries(wrappers).map(([name, wrapper]) => [name, through(wrapper)])),
  ...Object.fromEntries(
    opaqueRunners.map((name) => [name, opaque('runs commands in ways that are not read')]),
  ),
  env,
  xargs,
  busybox,
  toybox: busybox,
  flock,
  eval: evaluates,
  trap: traps,
}
