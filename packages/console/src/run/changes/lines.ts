/** Lines of a diff: from unified hunks, and from a text and what it was replaced by. */

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'hunk'
  readonly text: string
  /** Numbers in the file before and after; null where they are not known. */
  readonly before: number | null
  readonly after: number | null
}

const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/

/** The lines of unified hunks (`@@ -1,3 +1,4 @@` …) without a header. */
export function hunkLines(diff: string): DiffLine[] {
  if (diff === '') return []
  const lines: DiffLine[] = []
  let [before, after] = [0, 0]
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const found = header.exec(line)
    const text = line.slice(1)
    if (found !== null) {
      ;[before, after] = [Number(found[1]), Number(found[2])]
      lines.push({ kind: 'hunk', text: line, before: null, after: null })
    } else if (line.startsWith('+')) lines.push({ kind: 'added', text, before: null, after: after++ })
    else if (line.startsWith('-')) lines.push({ kind: 'removed', text, before: before++, after: null })
    else if (!line.startsWith('\\')) lines.push({ kind: 'same', text, before: before++, after: after++ })
  }
  return lines
}

const unnumbered = { before: null, after: null }
/** Comparing takes time that grows with the product of both. */
const comparedLinesMax = 400

/** What changed from one text to the other, line by line. */
export function changedLines(from: string, to: string): DiffLine[] {
  const [before, after] = [linesOf(from), linesOf(to)]
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1
  let end = 0
  const room = Math.min(before.length, after.length) - start
  while (end < room && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1
  const same = (text: string): DiffLine => ({ kind: 'same', text, ...unnumbered })
  return [
    ...before.slice(0, start).map(same),
    ...compared(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ]
}

const contextLines = 3

/** The lines that changed, with some around them; what is left out between them is counted. */
export function nearChanges(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Set<number>()
  for (const [index, { kind }] of lines.entries()) {
    if (kind === 'same') continue
    for (let at = index - contextLines; at <= index + contextLines; at++) near.add(at)
  }
  const kept: DiffLine[] = []
  let left = 0
  const count = () => {
    if (left > 0) kept.push({ kind: 'hunk', text: `… ${left} unchanged lines`, ...unnumbered })
    left = 0
  }
  for (const [index, line] of lines.entries()) {
    if (!near.has(index)) left += 1
    else {
      count()
      kept.push(line)
    }
  }
  count()
  return kept
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

function compared(before: readonly string[], after: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text, ...unnumbered })
  const added = (text: string): DiffLine => ({ kind: 'added', text, ...unnumbered })
  if (before.length > comparedLinesMax || after.length > comparedLinesMax)
    return [...before.map(removed), ...after.map(added)]
  const common = commonTable(before, after)
  const width = after.length + 1
  const lines: DiffLine[] = []
  let [row, column] = [0, 0]
  while (row < before.length || column < after.length) {
    const [old, young] = [before[row], after[column]]
    if (old !== undefined && old === young) {
      lines.push({ kind: 'same', text: old, ...unnumbered })
      row += 1
      column += 1
    } else if (
      old !== undefined &&
      (young === undefined || at(common, (row + 1) * width + column) >= at(common, row * width + column + 1))
    ) {
      lines.push(removed(old))
      row += 1
    } else {
      lines.push(added(young as string))
      column += 1
    }
  }
  return lines
}

/** How many lines the ends of both have in common, from each pair of places. */
function commonTable(before: readonly string[], after: readonly string[]): Uint16Array {
  const width = after.length + 1
  const table = new Uint16Array((before.length + 1) * width)
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      const place = row * width + column
      table[place] =
        before[row] === after[column]
          ? at(table, place + width + 1) + 1
          : Math.max(at(table, place + width), at(table, place + 1))
    }
  }
  return table
}

function at(table: Uint16Array, place: number): number {
  return table[place] ?? 0
}
