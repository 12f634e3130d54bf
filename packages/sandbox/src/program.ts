/** Checks before a start whether a program can be started, so that the error can say why not. */

import { Buffer } from 'node:buffer'
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { isWithin, realPath } from './paths.ts'

export interface ProgramPlace {
  cwd: string
  path: readonly string[]
  /** Can the run see this path? */
  visible(path: string): boolean
}

/** Throws `invalid_request` if the program is missing, hidden, or not executable. */
export function checkProgram(program: string, place: ProgramPlace): void {
  if (program.includes('/')) checkAtPath(program, place)
  else checkOnPath(program, place)
}

function checkAtPath(program: string, place: ProgramPlace): void {
  const path = isAbsolute(program) ? program : resolve(place.cwd, program)
  const real = realPath(path)
  if (real === null) throw cannotStart(`the program ${program} was not found`)
  if (!place.visible(path) || !place.visible(real)) {
    throw cannotStart(
      `the program ${program} is outside the directories that runs can see; add its directory to sandbox.read`,
    )
  }
  if (statSync(real).isDirectory()) throw cannotStart(`${program} is a directory, not a program`)
  if (!canRun(real)) throw cannotStart(`${program} is not executable`)
  const interpreter = interpreterOf(real)
  if (interpreter !== null && realPath(interpreter) === null)
    throw cannotStart(`${program} needs the interpreter ${interpreter}, which was not found`)
  if (interpreter !== null)
    refuseHidden(`${program} needs the interpreter ${interpreter}`, interpreter, place)
}

/** The first on the PATH is started whose file can be seen inside, as a link that leads nowhere is passed over. */
function checkOnPath(program: string, place: ProgramPlace): void {
  const found = place.path
    .map((directory) => resolve(place.cwd, directory, program))
    .flatMap((path) => (canRun(path) ? [{ path, real: realPath(path) ?? path }] : []))
  const [first] = found
  if (first === undefined)
    throw cannotStart(`the program ${program} was not found on the PATH of runs (${place.path.join(':')})`)
  const seen = found.find(({ real }) => place.visible(real)) ?? first
  refuseHidden(`the program ${program} is ${seen.path}, a link to ${seen.real}`, seen.real, place)
  const interpreter = interpreterOf(seen.real)
  if (interpreter !== null && realPath(interpreter) !== null)
    refuseHidden(`the program ${program} (${seen.real}) needs ${interpreter}`, interpreter, place)
}

function refuseHidden(what: string, path: string, place: ProgramPlace): void {
  const real = realPath(path) ?? path
  if (place.visible(real)) return
  // Programs in a `bin` need what lies beside it.
  const folder = dirname(real)
  const whole = basename(folder) === 'bin' ? dirname(folder) : folder
  const advised = isWithin(whole, homedir()) ? folder : whole
  throw cannotStart(`${what}, which runs cannot see; add ${advised} to sandbox.read`)
}

function cannotStart(message: string): MillraceError {
  return new MillraceError('invalid_request', message)
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Returns the program of a `#!` line. */
function interpreterOf(path: string): string | null {
  const head = Buffer.alloc(256)
  let length = 0
  try {
    const file = openSync(path, 'r')
    try {
      length = readSync(file, head)
    } finally {
      closeSync(file)
    }
  } catch {
    return null
  }
  return /^#![ \t]*(\/[^\s]+)/.exec(head.toString('latin1', 0, length))?.[1] ?? null
}

/** Searches only the system's directories: the PATH may contain directories that a run can write to. */
export function findProgram(name: string): string | null {
  for (const directory of [
    '/usr/bin',
    '/bin',
    '/usr/local/bin',
    '/usr/sbin',
    '/sbin',
    '/run/current-system/sw/bin',
  ]) {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this directory.
    }
  }
  return null
}
