/** The difference between two texts, as hunks, and what hunks make of a text. */
import type { Hunk } from './hunks.ts'

const contextLines = 3
/** Lines that may differ; with more, everything from the first to the last is shown as replaced. The search takes the square. */
const editsMax = 200

interface Edit {
  /** Of the old lines, and of the new ones. */
  from: number
  to: number
  removed: number
  added: number
}

export function hunksBetween(old: readonly string[], now: readonly string[]): Hunk[] {
  const most = Math.min(old.length, now.length)
  let head = 0
  while (head < most && old[head] === now[head]) head += 1
  let tail = 0
  while (tail < most - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1
  const [before, after] = [old.slice(head, old.length - tail), now.slice(head, now.length - tail)]
  if (before.length + after.length === 0) return []
  const edits = shortestEdits(before, after) ?? [
    { from: 0, to: 0, removed: before.length, added: after.length },
  ]
  return grouped(edits.map((edit) => ({ ...edit, from: edit.from + head, to: edit.to + head }))).map(
    (group) => hunkOf(group, old, now),
  )
}

/** Returns null if a hunk does not fit the lines. */
export function applyHunks(old: readonly string[], hunks: readonly Hunk[]): string[] | null {
  const made: string[] = []
  let at = 0
  for (const { oldStart, oldLines, lines } of hunks) {
    const start = oldLines === 0 ? oldStart : oldStart - 1
    if (start < at || start > old.length) return null
    made.push(...old.slice(at, start))
    at = start
    for (const line of lines) {
      if (line[0] === '+') made.push(line.slice(1))
      else if (line[0] === '\\') continue
      else if (old[at] !== line.slice(1)) return null
      else {
        if (line[0] === ' ') made.push(line.slice(1))
        at += 1
      }
    }
  }
  return [...made, ...old.slice(at)]
}

/** Myers, "An O(ND) Difference Algorithm and Its Variations". Null if there are too many edits. */
function shortestEdits(old: readonly string[], now: readonly string[]): Edit[] | null {
  // By diagonal: how far the old lines are consumed. One trace for each number of edits.
  const traces: Map<number, number>[] = []
  let reached = new Map<number, number>([[1, 0]])
  for (let edits = 0; edits <= Math.min(old.length + now.length, editsMax); edits += 1) {
    traces.push(reached)
    const next = new Map<number, number>()
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = startOf(reached, diagonal, edits)
      while (x < old.length && x - diagonal < now.length && old[x] === now[x - diagonal]) x += 1
      next.set(diagonal, x)
      if (x >= old.length && x - diagonal >= now.length) return backtrack(traces, old.length, now.length)
    }
    reached = next
  }
  return null
}

function isInsertion(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  if (diagonal === -edits) return true
  return diagonal !== edits && (reached.get(diagonal - 1) ?? 0) < (reached.get(diagonal + 1) ?? 0)
}

function startOf(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  return isInsertion(reached, diagonal, edits)
    ? (reached.get(diagonal + 1) ?? 0)
    : (reached.get(diagonal - 1) ?? 0) + 1
}

/** Single edits from the end, joined where they touch. */
function backtrack(
  traces: readonly ReadonlyMap<number, number>[],
  oldLength: number,
  newLength: number,
): Edit[] {
  const edits: Edit[] = []
  let diagonal = oldLength - newLength
  for (let count = traces.length - 1; count > 0; count -= 1) {
    const reached = traces[count] ?? new Map<number, number>()
    const inserts = isInsertion(reached, diagonal, count)
    diagonal += inserts ? 1 : -1
    const from = reached.get(diagonal) ?? 0
    const edit = { from, to: from - diagonal, removed: inserts ? 0 : 1, added: inserts ? 1 : 0 }
    const last = edits.at(-1)
    if (last !== undefined && last.from === edit.from + edit.removed && last.to === edit.to + edit.added) {
      edits[edits.length - 1] = {
        ...edit,
        removed: edit.removed + last.removed,
        added: edit.added + last.added,
      }
    } else edits.push(edit)
  }
  return edits.reverse()
}

/** Edits whose context would touch share a hunk. */
function grouped(edits: readonly Edit[]): Edit[][] {
  const groups: Edit[][] = []
  for (const edit of edits) {
    const last = groups.at(-1)?.at(-1)
    if (last !== undefined && edit.from - (last.from + last.removed) <= 2 * contextLines)
      groups.at(-1)?.push(edit)
    else groups.push([edit])
  }
  return groups
}

function hunkOf(edits: readonly Edit[], old: readonly string[], now: readonly string[]): Hunk {
  const lines: string[] = []
  const from = Math.max(0, (edits[0]?.from ?? 0) - contextLines)
  let at = from
  for (const { from: begin, to, removed, added } of edits) {
    lines.push(...old.slice(at, begin).map((line) => ` ${line}`))
    lines.push(...old.slice(begin, begin + removed).map((line) => `-${line}`))
    lines.push(...now.slice(to, to + added).map((line) => `+${line}`))
    at = begin + removed
  }
  lines.push(...old.slice(at, at + contextLines).map((line) => ` ${line}`))
  const count = (sign: string) => lines.filter((line) => line[0] !== sign).length
  const [oldLines, newLines] = [count('+'), count('-')]
  const to = from + (edits[0]?.to ?? 0) - (edits[0]?.from ?? 0)
  return {
    oldStart: oldLines === 0 ? from : from + 1,
    oldLines,
    newStart: newLines === 0 ? to : to + 1,
    newLines,
    lines,
  }
}
