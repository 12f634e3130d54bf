/** Wrappers, which run the command that follows, and programs that are known for the harm they can do. */
import type { Call, Rule } from '#bash/call'
import { couldBe, show } from '#bash/symbols'
import { mayExport } from '#bash/variables'
import { type Entry, judgeBy } from '../judge.ts'

/** Variables of the command, and then the command. Alone it prints the whole environment. */
const env: Rule = (call) => {
  const start = call.args.findIndex((arg) => !/^[A-Za-z_]\w*=/.test(arg))
  const [command, assignments] =
    start === -1 ? [[], call.args] : [call.args.slice(start), call.args.slice(0, start)]
  for (const assignment of assignments) {
    const [name = '', ...value] = assignment.split('=')
    if (!mayExport(name, value.join('=')))
      call.unreadable(`${show(assignment)} may change what programs do`, assignment)
  }
  if (command.length === 0) call.unreadable('env prints the environment, which may hold credentials')
  else if (command[0]?.startsWith('-') === true) {
    call.unreadable(`the policy does not know what env does with ${show(command[0])}`, command[0])
    const rest = command.findIndex((arg, at) => at > 0 && !/^-|=/.test(arg))
    if (rest !== -1) call.command(command.slice(rest))
  } else call.command(command)
}

/** What comes from the input is not seen, so that only the rest of the command is judged. */
const xargs = judgeBy(
  'never -0rtp -n:number -I:text -L:number -P:number -d:text -a:read --null --no-run-if-empty --max-args:number --max-procs:number | command',
)

/** The text of a shell, a file of the project, or a check of its grammar alone. */
function shell(call: Call): void {
  const [first = '', second = '', ...more] = call.args
  if (
    /^-[eux]*c$/.test(first) ||
    (/^-[elixu]*c$/.test(first) &&
      call.unreadable('a shell of its own reads its settings', first) === undefined)
  ) {
    if (more.length > 0) call.unreadable(`${show(more.join(' '))} is not known to the text of ${call.name}`)
    // What another shell than bash takes in another way.
    if (
      call.name !== 'bash' &&
      /\(\(|\[\[|[$]['"]|&>|\|&|<<<|[<>]\(|[{~]|\b(function|select|time|source|let|declare|local)\b|;&|\+=|\[/.test(
        second,
      )
    )
      call.unreadable(`${call.name} may take ${show(second)} in another way than bash`, second)
    call.script(second)
  } else if (first === '-n') for (const file of [second, ...more]) call.reads(file)
  else if (first !== '' && !first.startsWith('-')) {
    call.executes(first)
    call.runsProject()
    for (const arg of [second, ...more].filter(Boolean))
      if (!/^[\w./@:+,]+[\w./@:+,-]*$/.test(arg))
        call.unreadable(`${show(arg)} is given to ${show(first)}`, arg)
  } else {
    call.unreadable(`${call.name} runs what it is given by its input or its options`)
    if (call.input.from === 'text') call.script(call.input.text)
  }
}

/** `kill $!` and `kill %1` end what this command has started. */
const kill: Rule = (call) => {
  for (const [index, arg] of call.args.entries()) {
    if (/^-(0|9|15|s|[A-Z]+[0-9]?)$/.test(arg) && index === 0) continue
    if (/^(\u{f0003}|%\d+)$/u.test(arg) || (call.args[0] === '-s' && index === 1 && /^[A-Z]+$/.test(arg)))
      continue
    if (/^(1|-1)$/.test(arg)) call.forbid(`kill ${arg} would end the run itself, or all there is`, arg)
    else call.unreadable(`kill ${show(arg)} may end what this command did not start`, arg)
  }
}

/** Names of variables are printed with their values. */
const printenv: Rule = (call) => {
  call.unreadable('printenv prints the environment, which may hold credentials')
  for (const arg of call.args)
    if (couldBe(arg, 'ANTHROPIC_API_KEY'))
      call.forbid(`${show(arg)} is the credential of the run itself`, arg)
}

const wrecks: Rule = (call) => call.forbid(`${call.name} would wreck or stop the machine`)

export const systemTables: Readonly<Record<string, Entry | Rule>> = {
  'mkfs wipefs shutdown reboot poweroff halt': wrecks,
  env,
  printenv,
  xargs,
  'bash sh dash': shell,
  kill,
  timeout:
    '-k:number -s:name --foreground --preserve-status --kill-after:number --signal:name | number command',
  nice: '-n:number | command',
  nohup: '| command',
  setsid: '-wf | command',
  stdbuf: '-i:name -o:name -e:name | command',
  time: '-p | command',
  'sudo doas': 'never -nEHS -u:text | command',
  busybox: 'never | command',
  flock: 'never -nx -w:number | read command',
  watch: 'never -xtd -n:number | command',
}
