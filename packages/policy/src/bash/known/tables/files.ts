/** Programs that make, change and remove files. */
import { lstatSync } from 'node:fs'
import type { Call, Rule } from '#bash/call'
import { anyName, show } from '#bash/symbols'
import type { Matched } from '../arguments.ts'
import { type Entry, judgeBy } from '../judge.ts'

const operandsOf = ({ values }: Matched) => values.filter(({ option }) => option === null)
const valueGiven = ({ values }: Matched, ...names: string[]) =>
  values.find(({ option }) => option !== null && names.includes(option))?.text

function nameIn(source: string): string {
  const name = source.replace(/\/+$/, '')
  return name.slice(name.lastIndexOf('/') + 1)
}

/** What lands in a directory has the name it had; directories and links bring more than their name. */
function lands(call: Call, matched: Matched): void {
  const operands = operandsOf(matched)
  const target = valueGiven(matched, '-t') ?? operands.at(-1)?.text ?? '.'
  const sources = operands.slice(0, valueGiven(matched, '-t') === undefined ? -1 : undefined)
  const keepsLinks =
    call.name === 'mv' ||
    ['-r', '-R', '-a', '-d', '-P', '--recursive', '--archive'].some((one) => matched.options.has(one))
  for (const source of sources) {
    const place = `${target}/${nameIn(source.text)}`
    if (call.isDirectory(target) || sources.length > 1) call.writes(place)
    if (!keepsLinks) continue
    source.kind = call.name === 'mv' ? 'remove' : 'deep'
    if (call.name === 'mv') call.reads(source.text, true)
    else if (!isPlainFile(call, source.text)) bringsIn(call, source.text)
    if (/(^|\/)\.{0,2}\/*$/.test(source.text))
      call.unreadable(`${call.name} merges what ${show(source.text)} holds into ${show(target)}`, source.text)
    if (!isPlainFile(call, source.text)) for (const path of [target, place]) call.changes(path)
  }
}

function isPlainFile(call: Call, path: string): boolean {
  const paths = call.pathsOf(path)
  if (paths === null || paths.some((one) => one.includes(anyName))) return false
  // `resolve` follows links, so the last part is looked at as it is named.
  return paths.every(
    (one) =>
      one.endsWith(`/${nameIn(path)}`) && (lstatSync(one, { throwIfNoEntry: false })?.isFile() ?? false),
  )
}

/** The text of a symbolic link is followed from where the link is. */
const links: Entry = {
  grammar: '-sfnvT --symbolic --force | read write?',
  also(call, matched) {
    const [target, link] = operandsOf(matched)
    if (target === undefined) return
    const place = link?.text ?? './x'
    const symbolic = matched.options.has('-s') || matched.options.has('--symbolic')
    const directory =
      link !== undefined && call.isDirectory(place) ? `${place}/` : place.slice(0, place.lastIndexOf('/') + 1)
    const meant = symbolic && !/^[/~]/.test(target.text) ? `${directory}${target.text}` : target.text
    target.kind = 'text'
    call.reads(meant, true)
    // By another name it can be written as well.
    call.writes(meant, false)
    call.changes(place)
    if (link !== undefined) call.writes(`${place}/${nameIn(target.text)}`)
  },
}

/** The letters of the first argument need no dash. */
const tar: Rule = (call) => {
  const [first = '', ...rest] = call.args
  tarProper({ ...call, args: /^[a-zA-Z]+$/.test(first) ? [`-${first}`, ...rest] : call.args })
}
const tarProper = judgeBy({
  grammar: `-cxtzjJvO -f:archive -C:write --create --extract --list --gzip --verbose --file:archive --directory:write
    --exclude:text --strip-components:number --no-same-owner | text*`,
  also(call, matched) {
    const has = (...names: string[]) => names.some((name) => matched.options.has(name))
    const file = valueGiven(matched, '-f', '--file') ?? '-'
    const directory = valueGiven(matched, '-C', '--directory')
    const makes = has('-c', '--create')
    if (file !== '-') makes ? call.writes(file) : call.reads(file)
    if (makes) for (const path of operandsOf(matched)) path.kind = 'deep'
    if (makes && directory !== undefined) call.unreadable('tar takes files from another directory', directory)
    else if (has('-x', '--extract')) unpacks(call, directory)
    else if (!makes && !has('-t', '--list')) call.unreadable('tar is not told what to do')
  },
})

/** An archive holds whatever names its maker gave it, protected ones and links among them. */
function unpacks(call: Call, directory = '.'): void {
  call.unreadable(`${call.name} writes files whose names are in the archive`)
  call.changes(directory)
}

/** Only what is in the project is known to hold no protected names. */
function bringsIn(call: Call, source: string): void {
  const paths = call.pathsOf(source)
  if (
    paths === null ||
    paths.some((path) => path !== call.projectPath && !path.startsWith(`${call.projectPath}/`))
  )
    call.unreadable(`${call.name} brings files into the project whose names are not seen`, source)
}

const unzip: Entry = {
  grammar: '-olqptZ1 -d:write | read text*',
  also(call, matched) {
    const looks = ['-l', '-p', '-t', '-Z'].some((one) => matched.options.has(one))
    if (!looks) unpacks(call, valueGiven(matched, '-d'))
  },
}

const rsync: Entry = {
  grammar:
    '-avrzntpgoDhuW --archive --verbose --dry-run --delete --exclude:text --progress --stats | deep write',
  also(call, matched) {
    const [, target] = operandsOf(matched)
    if (operandsOf(matched).some(({ text }) => text.includes(':')))
      call.unreadable('rsync reaches another machine')
    if (matched.options.has('--delete') && target !== undefined) call.removes(target.text)
    for (const { text } of operandsOf(matched).slice(0, 1)) bringsIn(call, text)
    call.changes(target?.text ?? '.')
    if ((call.pathsOf(target?.text ?? '.') ?? []).includes(call.projectPath))
      call.unreadable('rsync may replace any file of the project', target?.text)
  },
}

const dd: Rule = (call) => {
  for (const arg of call.args) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(arg) ?? []
    if (name === 'of') call.writes(value)
    else if (name === 'if') call.reads(value)
    else if (!/^(bs|ibs|obs|count|skip|seek|status|conv)$/.test(name) || !/^[\w,]+$/.test(value))
      call.unreadable(`the policy does not know what dd does with ${show(arg)}`, arg)
  }
}

/** What is unpacked has the name without its ending. */
const squeezes: Entry = {
  grammar: '-# -dkfcqvl | write*',
  also(call, matched) {
    for (const { text } of operandsOf(matched)) call.writes(text.replace(/\.\w+$/, ''))
  },
}

export const fileTables: Readonly<Record<string, Entry | Rule>> = {
  touch: '-acm -d:text -t:number -r:read | write*',
  mkdir: '-pv -m:mode --parents --verbose | write*',
  'rm rmdir': '-rRfvdIp --recursive --force --verbose | remove*',
  unlink: '| remove',
  cp: {
    grammar: `-rRafnpuv -dP -t:write --recursive --archive --force --no-clobber --verbose | read* write`,
    also: lands,
  },
  mv: { grammar: '-fnvu -t:write --force --no-clobber --verbose | remove* write', also: lands },
  ln: links,
  chmod: '-Rvf --recursive | mode mark*',
  'chown chgrp': 'never -Rvfh --recursive | text mark*',
  truncate: '-c -s:word --size:word | write*',
  tee: '-ai --append | write*',
  split: {
    grammar: 'changes -d -l:number -b:word -n:number -a:number | read? write?',
    also(call, matched) {
      call.writes(`${operandsOf(matched)[1]?.text ?? 'x'}${anyName}`)
    },
  },
  mktemp: '-dqu --directory |',
  tar,
  unzip,
  rsync,
  dd,
  'gzip gunzip bzip2 bunzip2 xz unxz': squeezes,
  zstd: '-# -kfq -o:write | write*',
  patch: 'changes --dry-run -NsR -p:number -i:read --input:read --strip:number |',
  sponge: '-a | write',
  'dos2unix unix2dos': '-q | write*',
  shred: 'never | remove*',
  install: 'never -dDvm | any* write',
}
