/** Builtins of bash that change the shell itself. */
import type { Call, Rules } from '#bash/call'
import { remembersSecret, steers } from '#bash/environment'
import { isUnknown, show } from '#bash/symbols'
import { take } from './arguments.ts'

function changesDirectory(call: Call) {
  const { operands } = take(call.args)
  const [target] = operands
  if (call.name !== 'cd') return call.changesDirectory(null)
  // Home, or where it was before: neither is a place to work in.
  call.changesDirectory(target === undefined || target === '-' ? null : target)
}

/** Without a name it prints every variable. */
function declares(call: Call) {
  const names = call.args.filter((arg) => !arg.startsWith('-'))
  const options = call.args.filter((arg) => arg.startsWith('-')).join('')
  if (names.length === 0 && !/[fF]/.test(options) && call.name !== 'local')
    call.forbid(`${call.name} prints the environment, which holds credentials`)
  if (/[fF]/.test(options) && call.name === 'export')
    call.unreadable('export -f passes functions on to other shells')
  if (/[nic]/.test(options) && call.name !== 'export')
    call.unreadable(`${call.name} ${show(options)} gives variables a meaning that is not followed`)
  for (const name of names) {
    const [variable = '', ...value] = name.split('=')
    if (steers(variable, value.join('=')) && name.includes('='))
      call.unreadable(`${call.name} ${show(name)} changes which code other programs run`)
    if (name.includes('=')) call.taints(variable)
    if (isUnknown(name)) call.unreadable(`${call.name} is given ${show(name)}, which may assign any variable`)
    else if (/[[(]/.test(name))
      call.unreadable(`${call.name} ${show(name)} computes an index, which can run commands`)
  }
}

function reads(call: Call) {
  const { operands } = take(call.args, { values: 'dnNpuita' })
  const options = take(call.args, { values: 'dnNpuitCcOs' })
  if (call.name !== 'read' && options.options.has('-C'))
    call.unreadable(`${call.name} -C runs a command for each line`)
  for (const name of call.args
    .slice(call.args.indexOf('-a') + 1)
    .filter((arg) => !arg.startsWith('-'))
    .concat(operands)) {
    if (/^\w+$/.test(name)) call.taints(name)
    else if (/[[\]]/.test(name) || isUnknown(name))
      call.unreadable(`${call.name} ${show(name)} computes an index, which can run commands`)
  }
}

function sets(call: Call) {
  if (call.args.length === 0) call.forbid('set prints every variable, some of which hold credentials')
}

function unsets(call: Call) {
  for (const arg of call.args) {
    if (/^\w+$/.test(arg)) call.taints(arg)
    else if (arg !== '-v') call.unreadable(`unset ${show(arg)} removes a function or computes an index`)
  }
}

function printsVariables(call: Call) {
  const names = call.args.filter((arg) => !arg.startsWith('-'))
  if (names.length === 0) return call.forbid(`${call.name} prints the environment, which holds credentials`)
  const secret = names.find((name) => remembersSecret(name) || isUnknown(name))
  if (secret !== undefined) call.forbid(`${call.name} ${show(secret)} prints a credential of the environment`)
}

function shopts(call: Call) {
  const strange = call.args.find(
    (arg) => !/^(-[suqp]+|globstar|nullglob|failglob|nocasematch|inherit_errexit|pipefail)$/.test(arg),
  )
  if (strange !== undefined) call.unreadable(`shopt ${show(strange)} changes how bash reads commands`)
}

function lets(call: Call) {
  for (const name of call.args.join(' ').match(/[A-Za-z_]\w*/g) ?? []) call.taints(name)
  for (const arg of call.args)
    if (!/^[\w\s+*/%<>=&|^!~?:()-]+$/.test(arg)) call.unreadable(`let ${show(arg)} can run commands`)
}

function opaque(what: string) {
  return (call: Call) => call.unreadable(`${call.name} ${what}`)
}

const nothing = (): void => undefined

export const builtinRules: Rules = {
  cd: changesDirectory,
  pushd: changesDirectory,
  popd: changesDirectory,
  dirs: nothing,
  export: declares,
  declare: declares,
  typeset: declares,
  local: declares,
  readonly: declares,
  read: reads,
  mapfile: reads,
  readarray: reads,
  getopts: (call) => {
    for (const name of [call.args[1] ?? '', 'OPTARG', 'OPTIND']) call.taints(name)
  },
  set: sets,
  unset: unsets,
  printenv: printsVariables,
  shopt: shopts,
  let: lets,
  exit: nothing,
  return: nothing,
  break: nothing,
  continue: nothing,
  shift: nothing,
  disown: nothing,
  fg: nothing,
  bg: nothing,
  alias: opaque('gives commands another meaning'),
  unalias: opaque('gives commands another meaning'),
  enable: opaque('loads or hides builtins'),
  hash: opaque('gives programs another place'),
  bind: opaque('binds commands to keys'),
  complete: opaque('runs commands for completion'),
  compgen: opaque('runs commands for completion'),
  compopt: opaque('runs commands for completion'),
  fc: opaque('runs commands of the history'),
  history: opaque('reads the history of a person'),
  caller: nothing,
  help: nothing,
  suspend: opaque('stops the shell'),
  logout: nothing,
}
