/**
 * Files that a call of an ACP agent changed: it shows each as the text before and after, which may be the whole file or
 * only the part around the change. Where that part stands in the file is then not known, and lines are counted from its own
 * beginning.
 */
import type { FileChange } from '#changes'
import { recordOf, stringOf } from '../run.ts'
import { creation, formatHunks, type Hunk, linesOf } from './hunks.ts'

const filesMax = 500
const contextLines = 3

export function changesInContent(content: unknown, cwd: string | null): FileChange[] {
  if (!Array.isArray(content)) return []
  return content
    .slice(0, filesMax)
    .map(recordOf)
    .flatMap((part) => changeIn(part, cwd))
}

function changeIn(
  { type, path, oldText, newText }: Record<string, unknown>,
  cwd: string | null,
): FileChange[] {
  const [name, after] = [stringOf(path), stringOf(newText)]
  if (type !== 'diff' || name === null || after === null) return []
  const place = cwd !== null && name.startsWith(`${cwd}/`) ? name.slice(cwd.length + 1) : name
  const before = stringOf(oldText)
  if (before === null) {
    const hunk = creation(after)
    return [
      { path: place, status: 'added', additions: hunk.newLines, deletions: 0, diff: formatHunks([hunk]) },
    ]
  }
  const hunk = between(linesOf(before), linesOf(after))
  if (hunk === null) return []
  const count = (sign: string) => hunk.lines.filter((line) => line.startsWith(sign)).length
  return [
    {
      path: place,
      status: 'modified',
      additions: count('+'),
      deletions: count('-'),
      diff: formatHunks([hunk]),
    },
  ]
}

/** What is between the first and the last line that differ, as one hunk; null if nothing is. */
function between(before: readonly string[], after: readonly string[]): Hunk | null {
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start += 1
  let end = 0
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  if (start + end === before.length && start + end === after.length) return null
  const lead = before.slice(Math.max(0, start - contextLines), start)
  const trail = before.slice(before.length - end, before.length - end + contextLines)
  const [removed, added] = [before.slice(start, before.length - end), after.slice(start, after.length - end)]
  const signed = (sign: string, lines: readonly string[]) => lines.map((line) => `${sign}${line}`)
  const first = start - lead.length
  const [oldLines, newLines] = [removed, added].map((lines) => lead.length + lines.length + trail.length) as [
    number,
    number,
  ]
  return {
    // Of an insertion it is the line before.
    oldStart: oldLines === 0 ? first : first + 1,
    oldLines,
    newStart: newLines === 0 ? first : first + 1,
    newLines,
    lines: [...signed(' ', lead), ...signed('-', removed), ...signed('+', added), ...signed(' ', trail)],
  }
}
