/** What a search found, as text of bounded length. */
export interface FileMatches {
  lines: string[]
  /** Of each line that matches: its index, and where in it the first match begins. */
  at: { line: number; column: number }[]
}

export interface ReportOptions {
  mode: 'lines' | 'files' | 'counts'
  contextLines: number
  matchesMax: number
  outputCharsMax: number
}

/** Of a shown line; of a longer one the surroundings of its match are shown. */
const lineCharsMax = 300
const charsBeforeMatch = 100

export class MatchReport {
  matches = 0
  files = 0
  /** There may be more than was added. */
  isFull = false
  readonly #options: ReportOptions
  readonly #parts: string[] = []
  #chars = 0

  constructor(options: ReportOptions) {
    this.#options = options
  }

  add(path: string, { lines, at }: FileMatches): void {
    if (at.length === 0) return
    const { mode, matchesMax } = this.#options
    const room = mode === 'lines' ? matchesMax - this.matches : at.length
    const shown = at.slice(0, room)
    const part =
      mode === 'lines'
        ? `${path}\n${this.#shown(lines, shown)}\n`
        : mode === 'files'
          ? path
          : `${path}: ${at.length}`
    const left = this.#options.outputCharsMax - this.#chars
    if (part.length > left && this.#parts.length > 0) {
      this.isFull = true
      return
    }
    this.#parts.push(part.length > left ? `${part.slice(0, left)} […]` : part)
    this.#chars += part.length + 1
    this.files += 1
    this.matches += shown.length
    if (shown.length < at.length || part.length > left) this.isFull = true
    if (mode === 'lines' ? this.matches >= matchesMax : this.files >= matchesMax) this.isFull = true
  }

  /** How many further matches of one file are shown or counted. */
  get room(): number {
    const { mode, matchesMax } = this.#options
    if (mode === 'counts') return Number.POSITIVE_INFINITY
    return mode === 'files' ? 1 : matchesMax - this.matches
  }

  get text(): string | null {
    return this.#parts.length === 0 ? null : this.#parts.join('\n').trimEnd()
  }

  notes(): string[] {
    if (!this.isFull) return []
    const { mode } = this.#options
    const count = mode === 'lines' ? `${this.matches} matching lines` : `${this.files} files`
    return [`[Ended after ${count}: there may be more. Narrow the expression, the path or the glob.]`]
  }

  /** The lines with their numbers: `:` after those that match, `-` after those around them. */
  #shown(lines: readonly string[], at: FileMatches['at']): string {
    const { contextLines } = this.#options
    const columns = new Map(at.map(({ line, column }) => [line, column]))
    const wanted = new Set<number>()
    for (const { line } of at)
      for (let near = line - contextLines; near <= line + contextLines; near += 1)
        if (near >= 0 && near < lines.length) wanted.add(near)
    const shown: string[] = []
    let before = -1
    for (const index of [...wanted].sort((a, b) => a - b)) {
      if (contextLines > 0 && before !== -1 && index > before + 1) shown.push('      --')
      const column = columns.get(index)
      const mark = column === undefined ? '-' : ':'
      shown.push(`${String(index + 1).padStart(6)}${mark} ${clipped(lines[index] ?? '', column ?? 0)}`)
      before = index
    }
    return shown.join('\n')
  }
}

function clipped(line: string, column: number): string {
  if (line.length <= lineCharsMax) return line
  const start = Math.max(Math.min(column - charsBeforeMatch, line.length - lineCharsMax), 0)
  const end = start + lineCharsMax
  return `${start > 0 ? '[…] ' : ''}${line.slice(start, end)}${end < line.length ? ' […]' : ''}`
}
