/** The tool `list`: the entries of a directory, or the paths below it that match a pattern. */
import { lstatSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Answer, Refusal } from './answer.ts'
import { inLine, sizeText } from './files.ts'
import { globMatcher } from './glob.ts'
import { type Entry, Walk, type WalkLimits } from './walk.ts'

export interface ListRequest extends WalkLimits {
  path: string
  pattern: string | null
  resultsMax: number
  outputCharsMax: number
}

export function run(request: ListRequest): Answer {
  const { path, pattern, resultsMax, outputCharsMax } = request
  if (!statSync(path).isDirectory())
    throw new Refusal(`${path} is not a directory. Use the read tool for a file.`)
  const matches = pattern === null ? () => true : globMatcher(pattern)
  if (typeof matches === 'string') throw new Refusal(matches)
  const walk = new Walk(path, request)
  const lines: string[] = []
  let chars = 0
  let more = false
  for (const entry of walk.entries()) {
    if (!matches(entry.path)) continue
    const line = lineOf(path, entry, pattern === null)
    chars += line.length + 1
    if (lines.length === resultsMax || chars > outputCharsMax) {
      more = true
      break
    }
    lines.push(line)
  }
  const notes = walk.notes()
  if (more)
    notes.unshift(
      `[There are more than these ${lines.length}: choose a smaller directory or a narrower pattern.]`,
    )
  const found = lines.length === 0 ? nothing(path, pattern) : lines.join('\n')
  const text = notes.length === 0 ? found : `${found}\n\n${notes.join('\n')}`
  return { ok: true, text, details: { path, entries: lines.length, truncated: more || walk.cut !== null } }
}

function nothing(path: string, pattern: string | null): string {
  return pattern === null ? `${path} is an empty directory.` : `Nothing in ${path} matches ${pattern}.`
}

function lineOf(root: string, { path, dirent }: Entry, withSize: boolean): string {
  const name = inLine(path)
  const full = join(root, path)
  try {
    if (dirent.isDirectory()) return `${name}/`
    if (dirent.isSymbolicLink()) return `${name} -> ${inLine(readlinkSync(full))}`
    if (!dirent.isFile()) return `${name} (${specialKind(dirent)})`
    return withSize ? `${name} (${sizeText(lstatSync(full).size)})` : name
  } catch {
    // It is gone, or may not be looked at.
    return name
  }
}

function specialKind(dirent: Entry['dirent']): string {
  if (dirent.isFIFO()) return 'named pipe'
  return dirent.isSocket() ? 'socket' : 'device'
}
