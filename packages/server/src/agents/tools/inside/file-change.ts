/**
 * What a tool did to a file, for people: one hunk from the first line that differs to the last. The shape is the
 * protocol's `FileChange`, which programs in here cannot import.
 */
import { relative } from 'node:path'

interface FileChange {
  path: string
  status: 'added' | 'modified'
  additions: number
  deletions: number
  diff: string
}

const contextLines = 3
/** A longer diff is reduced to its figures. */
const diffCharsMax = 200_000

/** `before` is null if there was no file, and undefined if its content is not known. */
export function fileChange(
  path: string,
  projectPath: string,
  before: Buffer | null | undefined,
  after: Buffer,
): FileChange {
  const below = relative(projectPath, path)
  const place = below.startsWith('..') ? path : below
  const status = before === null ? 'added' : 'modified'
  if (before === undefined || [before, after].some((content) => content?.includes(0)))
    return { path: place, status, additions: 0, deletions: 0, diff: '' }
  return { path: place, status, ...difference(linesOf(before), linesOf(after)) }
}

function difference(old: readonly string[], now: readonly string[]) {
  const most = Math.min(old.length, now.length)
  let head = 0
  while (head < most && old[head] === now[head]) head += 1
  let tail = 0
  while (tail < most - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1
  const removed = old.slice(head, old.length - tail)
  const added = now.slice(head, now.length - tail)
  const figures = { additions: added.length, deletions: removed.length }
  const from = Math.max(head - contextLines, 0)
  const lines = [
    ...old.slice(from, head).map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...old.slice(old.length - tail, old.length - tail + contextLines).map((line) => ` ${line}`),
  ]
  const oldLines = lines.filter((line) => line[0] !== '+').length
  const newLines = lines.filter((line) => line[0] !== '-').length
  const text = [`@@ -${range(from, oldLines)} +${range(from, newLines)} @@`, ...lines].join('\n')
  const isShown = removed.length + added.length > 0 && text.length <= diffCharsMax
  return { ...figures, diff: isShown ? text : '' }
}

/** Of an empty range a hunk names the line before. */
function range(from: number, lines: number): string {
  const start = lines === 0 ? from : from + 1
  return lines === 1 ? `${start}` : `${start},${lines}`
}

function linesOf(content: Buffer | null): string[] {
  const text = content?.toString() ?? ''
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}
