/** `sed`: its script is read as well, since it can write files and run commands. */
import type { Call, Rules } from '#bash/call'
import { holdsStandIn, isUnknown, show } from '#bash/symbols'
import { has, take, valuesOf } from './arguments.ts'

function sed(call: Call) {
  // The value of -i is attached, always.
  const inPlace = call.args.some((arg) => /^-[nErsuz]*i/.test(arg) || isInPlace(arg))
  const args = call.args.filter((arg) => !isInPlace(arg)).map((arg) => arg.replace(/^(-[nErsuz]*)i.*$/, '$1'))
  const taken = take(
    args.filter((arg) => arg !== '-'),
    { values: 'efl', longValues: ['--expression', '--file', '--line-length'] },
  )
  const scripts = valuesOf(taken, '-e', '--expression')
  const files = [...taken.operands]
  if (scripts.length === 0 && !has(taken, '-f', '--file')) scripts.push(files.shift() ?? '')
  for (const script of scripts) {
    if (isUnknown(script) || holdsStandIn(script))
      call.unreadable(`the script of sed is not written out: ${show(script)}`)
    else {
      const doubt = doubtAbout(script)
      if (doubt !== null) call.unreadable(`the sed script ${show(script)} ${doubt}`)
    }
  }
  for (const path of valuesOf(taken, '-f', '--file')) {
    call.reads(path)
    call.executes(path)
  }
  for (const path of files) inPlace ? call.writes(path) : call.reads(path)
}

function isInPlace(arg: string): boolean {
  const name = arg.replace(/=.*$/s, '')
  return name.length > 2 && '--in-place'.startsWith(name)
}

const address = /^\s*(\d+(~\d+)?|\$|\/(\\.|\[[^\]]*\]|[^/\\[])*\/[IM]*|\+\d+|~\d+)/

/** Null when every command of the script is one that only edits text. */
function doubtAbout(script: string): string | null {
  let rest = script
  for (let turns = 0; rest.trim() !== ''; turns++) {
    if (turns > 500) return 'is too long'
    rest = rest.replace(/^[\s;}]+/, '')
    if (rest === '') return null
    rest = rest
      .replace(address, '')
      .replace(/^\s*,/, '')
      .replace(address, '')
      .replace(/^\s*!?\s*/, '')
    const letter = rest[0] ?? ''
    if (letter === 's' || letter === 'y') {
      const end = endOfSubstitution(rest)
      if (end === -1) return 'is not finished'
      const flags = /^[a-zA-Z0-9]*/.exec(rest.slice(end))?.[0] ?? ''
      if (/[ewE]/.test(flags)) return 'runs a command or writes a file with a flag of s'
      rest = rest.slice(end + flags.length)
    } else if (/[aic]/.test(letter)) {
      const line = /^[aic](\\\n|[^\n]|\\)*/.exec(rest)?.[0] ?? rest
      rest = rest.slice(line.length)
    } else if (/[:btT]/.test(letter)) rest = rest.replace(/^[:btT][^;\n}]*/, '')
    else if (letter === '#') rest = rest.replace(/^#[^\n]*/, '')
    else if (/[pdDPnNgGhHxl={}qQz]/.test(letter)) rest = rest.slice(1).replace(/^\s*\d+/, '')
    else return `has the command ${letter}, which can run commands or reach other files`
    if (!/^\s*([;}\n#]|$)/.test(rest) && !/^[{}]/.test(letter) && letter !== '#')
      return 'cannot be told apart into commands'
  }
  return null
}

/** The index after the third delimiter. */
function endOfSubstitution(text: string): number {
  const delimiter = text[1] ?? ''
  if (delimiter === '' || /[\\\n]/.test(delimiter)) return -1
  let seen = 0
  for (let at = 2; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === delimiter && ++seen === 2) return at + 1
  }
  return -1
}

export const sedRules: Rules = { sed, gsed: sed }
