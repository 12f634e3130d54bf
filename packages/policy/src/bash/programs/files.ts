/** Programs that make, change and remove files. */
import type { Call, Rules } from '#bash/call'
import { anyName, isUnknown, show } from '#bash/symbols'
import { has, hasLong, pathsIn, take, valuesOf } from './arguments.ts'

function removes(call: Call) {
  const taken = take(call.args)
  if (hasLong(taken, '--no-preserve-root')) call.forbid('--no-preserve-root would remove the whole system')
  for (const path of taken.operands) call.removes(path)
}

/** Every operand is made or changed. */
function writes(skip: number, values = '') {
  return (call: Call) => {
    const taken = take(call.args, { values })
    // `chmod -x f`: the mode looks like an option.
    const modeGiven =
      hasLong(taken, '--reference') || (skip > 0 && /^-[rwxXstugo]+$/.test(call.args[0] ?? ''))
    for (const path of taken.operands.slice(modeGiven ? 0 : skip)) call.writes(path)
    for (const [, value] of taken.values) if (value.includes('/') || isUnknown(value)) call.reads(value)
  }
}

function copies(call: Call) {
  const taken = take(call.args, {
    values: 'tSmog',
    longValues: ['--target-directory', '--suffix', '--mode'],
    long: ['--recursive', '--archive', '--strip-program', '--directory'],
  })
  const targets = valuesOf(taken, '-t', '--target-directory')
  const sources = targets.length > 0 ? taken.operands : taken.operands.slice(0, -1)
  const [last] = taken.operands.slice(-1)
  if (targets.length === 0 && last !== undefined) targets.push(last)
  if (call.name === 'install' && has(taken, '-d'))
    return taken.operands.forEach((path) => void call.writes(path))
  const deep = has(taken, '-r', '-R', '-a', '--recursive', '--archive')
  for (const source of sources) {
    if (call.name === 'mv') call.removes(source)
    call.reads(source, deep || call.name === 'mv')
    if (deep && /(^|\/)\.?\/?$/.test(source) && call.isOutside(source))
      call.unreadable(`${call.name} merges ${show(source)} into the project, with whatever names are in it`)
    // What lands in a directory has the name it had.
    for (const target of targets) call.writes(`${target}/${nameIn(source)}`)
  }
  for (const target of targets) call.writes(target)
  if (hasLong(taken, '--strip-program'))
    call.unreadable('install is told to run a program by --strip-program')
}

function nameIn(source: string): string {
  const name = source.replace(/\/+$/, '')
  return name.slice(name.lastIndexOf('/') + 1)
}

function links(call: Call) {
  const taken = take(call.args, { values: 'tS', longValues: ['--target-directory', '--suffix'] })
  const directories = valuesOf(taken, '-t', '--target-directory')
  const targets =
    directories.length > 0 || taken.operands.length === 1 ? taken.operands : taken.operands.slice(0, -1)
  const place = directories[0] ?? (taken.operands.length > 1 ? (taken.operands.at(-1) ?? '.') : '.')
  for (const named of targets) {
    // The text of a symbolic link is followed from where the link is.
    const symbolic = has(taken, '-s', '--symbolic') && !/^[/~]/.test(named)
    const target = symbolic ? `${place.slice(0, place.lastIndexOf('/') + 1)}${named}` : named
    call.reads(target, true)
    // By another name it can be written as well.
    if (!call.isOutside(target)) call.writes(target)
    else call.forbid(`ln would make ${show(target)}, outside the project, reachable from inside`)
  }
  for (const path of directories.length > 0 ? directories : taken.operands.slice(-1)) call.writes(path)
}

function dd(call: Call) {
  for (const arg of call.args) {
    const [name = '', ...value] = arg.split('=')
    if (isUnknown(name)) call.unreadable(`dd is given ${show(arg)}`)
    if (name === 'of') call.writes(value.join('='))
    if (name === 'if') call.reads(value.join('='))
  }
}

const archiveRuns = [
  '--checkpoint-action',
  '--use-compress-program',
  '--to-command',
  '--info-script',
  '--new-volume-script',
  '--rsh-command',
  '--rmt-command',
]

function tar(call: Call) {
  const [first = '', ...rest] = call.args
  const args = /^[a-zA-Z]+$/.test(first) ? [`-${first}`, ...rest] : call.args
  const taken = take(args, {
    values: 'fCTXIFVgbHKNL',
    longValues: ['--file', '--directory', '--files-from', '--exclude', '--exclude-from', ...archiveRuns],
  })
  if (has(taken, '-I', '-F') || hasLong(taken, ...archiveRuns))
    call.unreadable(
      `tar is told to run a program by ${show(args.find((arg) => /^-(-|I|F)/.test(arg) && !/^--(file|directory|exclude)/.test(arg)) ?? '-I')}`,
    )
  if (has(taken, '-P', '--absolute-names'))
    call.unreadable('tar -P writes to whatever absolute paths the archive names')
  const makes = has(taken, '-c', '-r', '-u', '-A', '--create', '--append', '--update')
  for (const file of valuesOf(taken, '-f', '--file')) {
    if (/^[^/]*:/.test(file)) call.unreadable(`tar reads or writes ${show(file)} through another machine`)
    else if (file !== '-') makes ? call.writes(file) : call.reads(file)
  }
  const directories = valuesOf(taken, '-C', '--directory')
  for (const list of valuesOf(taken, '-T', '--files-from', '-X', '--exclude-from')) call.reads(list)
  if (has(taken, '-T', '--files-from')) call.unreadable('tar takes the names of files from another file')
  if (makes) for (const path of [...taken.operands, ...directories]) call.reads(path, true)
  else if (!has(taken, '-t', '--list'))
    for (const path of directories.length > 0 ? directories : ['.']) call.writes(path)
  if (hasLong(taken, '--remove-files')) for (const path of taken.operands) call.removes(path)
}

function unpacks(call: Call) {
  const taken = take(call.args, { values: 'dxoP' })
  const [archive, ...others] = taken.operands
  for (const path of [archive ?? '.', ...others]) call.reads(path)
  for (const path of valuesOf(taken, '-d', '-o')) call.writes(path)
  if (!has(taken, '-l', '-t', '-p') && !has(taken, '-d', '--directory')) call.writes('.')
  if (has(taken, '-:', '-^')) call.unreadable('unzip is told to write above its directory')
}

function zips(call: Call) {
  const taken = take(call.args, { values: 'bitnxP' })
  if (has(taken, '-T') || hasLong(taken, '--unzip-command', '--test'))
    call.unreadable(`${call.name} is told to run a program to test with`)
  const [archive, ...paths] = taken.operands
  if (archive !== undefined && archive !== '-') call.writes(archive)
  for (const path of paths) call.reads(path, true)
  if (has(taken, '-@')) call.unreadable('zip takes the names of files from its input')
  if (has(taken, '-m')) for (const path of paths) call.removes(path)
}

function patches(call: Call) {
  const taken = take(call.args, {
    values: 'dioprBDFVYzg',
    longValues: ['--input', '--directory', '--output'],
  })
  for (const path of valuesOf(taken, '-i', '--input')) call.reads(path)
  for (const path of [
    ...valuesOf(taken, '-d', '-o', '-r', '--directory', '--output'),
    ...taken.operands.slice(0, 1),
  ])
    call.writes(path)
  for (const path of taken.operands.slice(1)) call.reads(path)
  if (taken.operands.length === 0) call.writes('.')
  if (has(taken, '-e', '--ed')) call.unreadable('patch --ed runs a script')
}

function rsync(call: Call) {
  const taken = take(call.args, {
    values: 'efMTB',
    longValues: ['--rsh', '--rsync-path', '--files-from', '--exclude', '--include', '--exclude-from'],
  })
  for (const text of valuesOf(taken, '-e', '--rsh', '--rsync-path')) {
    call.script(text)
    call.unreadable(`rsync is told to run ${show(text)}`)
  }
  if (hasLong(taken, '--files-from', '--daemon', '--early-input'))
    call.unreadable('rsync takes its work from elsewhere')
  const paths = taken.operands
  if (paths.some((path) => /^[^/]*:|^rsync:/.test(path)))
    call.forbid('rsync to another machine uses the credentials of a person')
  for (const path of paths.slice(0, -1)) call.reads(path, true)
  for (const path of paths.slice(-1)) {
    call.writes(path)
    if ([...taken.options].some((option) => option.startsWith('--del'))) call.removes(path)
  }
}

function splits(call: Call) {
  const taken = take(call.args, { values: 'abClnt', longValues: ['--filter', '--lines', '--bytes'] })
  if (hasLong(taken, '--filter'))
    call.unreadable(`split is told to run ${show(valuesOf(taken, '--filter').join(' '))}`)
  const [input = '-', prefix = 'x'] = taken.operands
  if (input !== '-') call.reads(input)
  call.writes(`${prefix}${anyName}`)
}

function squeezes(call: Call) {
  const taken = take(call.args, { values: 'S' })
  for (const path of taken.operands) has(taken, '-c', '--stdout') ? call.reads(path) : call.writes(path)
  for (const arg of call.args) for (const path of pathsIn(arg)) if (arg.startsWith('-')) call.reads(path)
}

export const fileRules: Rules = {
  rm: removes,
  rmdir: removes,
  unlink: removes,
  mkdir: writes(0, 'm'),
  touch: writes(0, 'drt'),
  truncate: writes(0, 'sr'),
  tee: writes(0),
  mkfifo: writes(0, 'm'),
  mknod: (call) => call.forbid('mknod makes devices'),
  chmod: writes(1),
  chown: writes(1),
  chgrp: writes(1),
  cp: copies,
  mv: copies,
  install: copies,
  ln: links,
  link: links,
  dd,
  tar,
  bsdtar: tar,
  unzip: unpacks,
  zip: zips,
  patch: patches,
  rsync,
  split: splits,
  csplit: splits,
  gzip: squeezes,
  gunzip: squeezes,
  bzip2: squeezes,
  bunzip2: squeezes,
  xz: squeezes,
  unxz: squeezes,
  zstd: squeezes,
  dos2unix: writes(0),
  unix2dos: writes(0),
  sponge: writes(0),
}
