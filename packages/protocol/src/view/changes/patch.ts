/**
 * The difference between a file as it was and as it is, put together from patches that follow one another, without
 * the file: what is known of it are the lines that the patches show.
 *
 *     A ──first──▶ B ──then──▶ C        becomes        A ──────▶ C
 */
import type { Hunk } from './hunks.ts'

/** Lines of A that gave way to lines of C. They do not touch each other, and are in order. */
interface Edit {
  /** Index of the first line in A, and in C. */
  readonly from: number
  readonly to: number
  readonly removed: readonly string[]
  readonly added: readonly string[]
}

export interface Patch {
  readonly edits: readonly Edit[]
  /** Lines of A beside the edits, by index, as far as they are known. */
  readonly known: ReadonlyMap<number, string>
}

export const noPatch: Patch = { edits: [], known: new Map() }

const contextLines = 3

/** Returns the patch followed by another, whose hunks count in lines of what the first one made. */
export function follow(patch: Patch, hunks: readonly Hunk[]): Patch {
  const known = new Map(patch.known)
  // From the end, so that what is before stays where it is.
  const edits = [...hunks]
    .sort((one, other) => other.oldStart - one.oldStart)
    .reduce((into, hunk) => followHunk(into, hunk, known), patch.edits)
  return { edits, known }
}

/** Adds to `known` what the hunk shows of A. */
function followHunk(before: readonly Edit[], hunk: Hunk, known: Map<number, string>): readonly Edit[] {
  const runs: { at: number; removed: string[]; added: string[] }[] = []
  let at = hunk.oldLines === 0 ? hunk.oldStart : Math.max(0, hunk.oldStart - 1)
  let isOpen = false
  for (const line of hunk.lines) {
    const [sign, text] = [line[0], line.slice(1)]
    if (sign === '\\') continue
    if (sign === ' ') {
      const index = oldIndex(before, at)
      if (index !== null) known.set(index, text)
      isOpen = false
      at += 1
      continue
    }
    if (!isOpen) runs.push({ at, removed: [], added: [] })
    isOpen = true
    const run = runs.at(-1)
    if (sign === '+') run?.added.push(text)
    else {
      run?.removed.push(text)
      at += 1
    }
  }
  return runs.reduceRight((into, { at: to, removed, added }) => edit(into, to, removed, added), before)
}

/** Index in A of a line of the result; null if it is a new one. */
function oldIndex(edits: readonly Edit[], index: number): number | null {
  const before = edits.filter(({ to }) => to <= index)
  const last = before.at(-1)
  if (last === undefined) return index
  const past = index - (last.to + last.added.length)
  return past < 0 ? null : last.from + last.removed.length + past
}

/** Replaces lines of the result. The edits that it touches become one with it. */
function edit(
  edits: readonly Edit[],
  to: number,
  removed: readonly string[],
  added: readonly string[],
): Edit[] {
  const end = to + removed.length
  const touched = edits.filter((one) => one.to <= end && one.to + one.added.length >= to)
  const before = edits.filter((one) => one.to + one.added.length < to)
  const grown = added.length - removed.length
  const after = edits.filter((one) => one.to > end).map((one) => ({ ...one, to: one.to + grown }))
  const start = Math.min(to, touched[0]?.to ?? to)
  const last = touched.at(-1)
  const stop = Math.max(end, last === undefined ? end : last.to + last.added.length)
  // What the lines from `start` to `stop` were in A, and what they are now.
  const old: string[] = []
  const now: string[] = []
  let index = start
  for (const one of [...touched, null]) {
    const until = one?.to ?? stop
    // Between the edits there are lines that are replaced: the hunk shows them.
    const between = removed.slice(Math.max(0, index - to), Math.max(0, until - to))
    old.push(...between)
    now.push(...between)
    if (one === null) break
    old.push(...one.removed)
    now.push(...one.added)
    index = one.to + one.added.length
  }
  now.splice(to - start, removed.length, ...added)
  const shift = before.at(-1)
  const from =
    shift === undefined ? start : start - (shift.to + shift.added.length) + shift.from + shift.removed.length
  return [...before, ...trimmed({ from, to: start, removed: old, added: now }), ...after]
}

/** Leaves out what an edit removes and adds again. */
function trimmed({ from, to, removed, added }: Edit): Edit[] {
  const most = Math.min(removed.length, added.length)
  let head = 0
  while (head < most && removed[head] === added[head]) head += 1
  let tail = 0
  while (tail < most - head && removed.at(-1 - tail) === added.at(-1 - tail)) tail += 1
  const cut = (lines: readonly string[]) => lines.slice(head, lines.length - tail)
  const rest = { from: from + head, to: to + head, removed: cut(removed), added: cut(added) }
  return rest.removed.length + rest.added.length === 0 ? [] : [rest]
}

export function sizeOf({ edits }: Patch): { additions: number; deletions: number } {
  const sum = (of: (one: Edit) => readonly string[]) =>
    edits.reduce((total, one) => total + of(one).length, 0)
  return { additions: sum(({ added }) => added), deletions: sum(({ removed }) => removed) }
}

/** The patch as hunks, with up to three lines around each edit where they are known. */
export function hunksOf({ edits, known }: Patch): Hunk[] {
  const hunks: Hunk[] = []
  /** Index in A behind the last hunk. */
  let covered = 0
  for (const [position, one] of edits.entries()) {
    const head = around(known, one.from, -1, covered)
    const end = one.from + one.removed.length
    const tail = around(known, end, 1, edits[position + 1]?.from ?? Number.POSITIVE_INFINITY)
    const lines = [
      ...head.map((text) => ` ${text}`),
      ...one.removed.map((text) => `-${text}`),
      ...one.added.map((text) => `+${text}`),
      ...tail.map((text) => ` ${text}`),
    ]
    const previous = hunks.at(-1)
    if (previous !== undefined && one.from - head.length === covered) {
      hunks[hunks.length - 1] = hunkOf(startOf(previous), [...previous.lines, ...lines])
    } else hunks.push(hunkOf({ from: one.from - head.length, to: one.to - head.length }, lines))
    covered = end + tail.length
  }
  return hunks
}

/** Of an empty range a hunk names the line before. */
function hunkOf({ from, to }: Pick<Edit, 'from' | 'to'>, lines: readonly string[]): Hunk {
  const oldLines = lines.filter((line) => !line.startsWith('+')).length
  const newLines = lines.filter((line) => !line.startsWith('-')).length
  const oldStart = oldLines === 0 ? from : from + 1
  return { oldStart, oldLines, newStart: newLines === 0 ? to : to + 1, newLines, lines }
}

function startOf({ oldStart, oldLines, newStart, newLines }: Hunk): Pick<Edit, 'from' | 'to'> {
  return { from: oldLines === 0 ? oldStart : oldStart - 1, to: newLines === 0 ? newStart : newStart - 1 }
}

/** Known lines of A before (-1) or from (1) an index, as far as the next edit. */
function around(known: ReadonlyMap<number, string>, index: number, step: 1 | -1, bound: number): string[] {
  const lines: string[] = []
  for (let at = step === 1 ? index : index - 1; lines.length < contextLines; at += step) {
    const text = known.get(at)
    if (text === undefined || (step === 1 ? at >= bound : at < bound)) break
    lines.push(text)
  }
  return step === 1 ? lines : lines.reverse()
}
