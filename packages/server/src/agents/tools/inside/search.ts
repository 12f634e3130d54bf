/** The tool `search`: lines of files that match an expression, which takes time in proportion to the text at most. */
import { statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { RE2JS } from 're2js'
import { type Answer, Refusal } from './answer.ts'
import { binaryKind, inLine, readWhole } from './files.ts'
import { globMatcher } from './glob.ts'
import { type FileMatches, MatchReport } from './matches.ts'
import { Walk, type WalkLimits } from './walk.ts'

export interface SearchRequest extends WalkLimits {
  path: string
  /** Shown paths are relative to it. */
  cwd: string
  pattern: string
  ignoreCase: boolean
  glob: string | null
  mode: 'lines' | 'files' | 'counts'
  contextLines: number
  matchesMax: number
  outputCharsMax: number
}

/** A larger file is hardly text that somebody wrote. */
const fileBytesMax = 16 * 1024 ** 2

export function run(request: SearchRequest): Answer {
  const { path, cwd, glob } = request
  const matcher = new LineMatcher(request)
  const wanted = glob === null ? () => true : globMatcher(glob)
  if (typeof wanted === 'string') throw new Refusal(wanted)
  const walk = new Walk(path, request)
  const report = new MatchReport(request)
  let skipped = 0
  const look = (file: string) => {
    const lines = linesOf(file)
    if (lines === null) skipped += 1
    else if (matcher.mayMatch(lines))
      report.add(shownPath(file, cwd), matchesIn(lines, matcher, walk, report.room))
  }
  if (statSync(path).isDirectory()) {
    for (const entry of walk.entries()) {
      if (entry.dirent.isFile() && wanted(entry.path)) look(join(path, entry.path))
      if (report.isFull || walk.isLate()) break
    }
  } else look(path)
  const notes = [...report.notes(), ...walk.notes()]
  if (skipped > 0)
    notes.push(
      `[${skipped} binary, very large or unreadable ${skipped === 1 ? 'file was' : 'files were'} skipped.]`,
    )
  const found = report.text ?? `Nothing matches ${request.pattern} in ${path}.`
  const text = notes.length === 0 ? found : `${found}\n\n${notes.join('\n')}`
  const { matches, files } = report
  return { ok: true, text, details: { path, matches, files, truncated: report.isFull || walk.cut !== null } }
}

class LineMatcher {
  /** The text that the pattern stands for, if it has no special characters. */
  readonly #literal: string | null
  readonly #expression: RE2JS

  constructor({ pattern, ignoreCase }: SearchRequest) {
    this.#literal = ignoreCase || /[\\^$.|?*+()[\]{}]/.test(pattern) ? null : pattern
    try {
      this.#expression = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    } catch (error) {
      throw new Refusal(
        `The expression is not valid: ${(error as Error).message}. The syntax is that of RE2: no look-around, no back references. To find text as it is, put a backslash before special characters.`,
      )
    }
  }

  mayMatch(text: string): boolean {
    return this.#literal === null || text.includes(this.#literal)
  }

  /** Where the first match in a line begins; -1 if there is none. */
  find(line: string): number {
    if (this.#literal !== null) return line.indexOf(this.#literal)
    // Most lines do not match, and `test` is several times as fast.
    if (!this.#expression.test(line)) return -1
    const matcher = this.#expression.matcher(line)
    return matcher.find() ? matcher.start() : -1
  }
}

/** Null: it is not text, or too large. */
function linesOf(path: string): string | null {
  try {
    const { content } = readWhole(path, fileBytesMax)
    return binaryKind(content) === null ? content.toString() : null
  } catch {
    return null
  }
}

/** At most one match more than there is room for, which tells that there are more. */
function matchesIn(text: string, matcher: LineMatcher, walk: Walk, room: number): FileMatches {
  const lines = text.split(text.includes('\r') ? /\r?\n/ : '\n')
  if (lines.at(-1) === '') lines.pop()
  const at: { line: number; column: number }[] = []
  for (const [index, whole] of lines.entries()) {
    const line = whole.endsWith('\r') ? whole.slice(0, -1) : whole
    lines[index] = line
    const column = matcher.find(line)
    if (column !== -1 && at.push({ line: index, column }) > room) break
    // A clock is slow, a line is not.
    if (index % 256 === 255 && walk.isLate()) break
  }
  return { lines, at }
}

function shownPath(file: string, cwd: string): string {
  const inside = relative(cwd, file)
  const shown = inside === '' ? basename(file) : inside.startsWith('../') ? file : inside
  return inLine(shown)
}
