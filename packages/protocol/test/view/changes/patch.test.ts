import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHunks, type Hunk, parseHunks } from '#view/changes/hunks'
import { follow, hunksOf, noPatch, sizeOf } from '#view/changes/patch'

/** Applies hunks as `patch` does: every line that they show must be there. */
function apply(lines: readonly string[], hunks: readonly Hunk[]): string[] {
  const result: string[] = []
  let at = 0
  for (const hunk of hunks) {
    const start = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1
    expect(start, 'hunks do not overlap').toBeGreaterThanOrEqual(at)
    result.push(...lines.slice(at, start))
    at = start
    expect(result.length).toBe(hunk.newLines === 0 ? hunk.newStart : hunk.newStart - 1)
    for (const line of hunk.lines) {
      if (line[0] !== '+') expect(lines[at++]).toBe(line.slice(1))
      if (line[0] !== '-') result.push(line.slice(1))
    }
  }
  return [...result, ...lines.slice(at)]
}

/** What a tool reports that replaces some lines, with a number of lines around. */
function replacing(
  lines: readonly string[],
  at: number,
  count: number,
  added: readonly string[],
  around: number,
): Hunk {
  const head = lines.slice(Math.max(0, at - around), at)
  const removed = lines.slice(at, at + count)
  const tail = lines.slice(at + count, at + count + around)
  const start = at - head.length
  const [oldLines, newLines] = [removed, added].map((some) => head.length + some.length + tail.length) as [
    number,
    number,
  ]
  return {
    oldStart: oldLines === 0 ? start : start + 1,
    oldLines,
    newStart: newLines === 0 ? start : start + 1,
    newLines,
    lines: [
      ...head.map((line) => ` ${line}`),
      ...removed.map((line) => `-${line}`),
      ...added.map((line) => `+${line}`),
      ...tail.map((line) => ` ${line}`),
    ],
  }
}

const letters = fc.constantFrom('a', 'b', 'c', '', '  d')
const splice = fc.record({
  at: fc.nat(30),
  count: fc.nat(4),
  added: fc.array(letters, { maxLength: 4 }),
  around: fc.nat(3),
})

describe('patches that follow one another', () => {
  it('the hunks of a chain of patches lead from the first text to the last', () => {
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 25 }),
        fc.array(splice, { maxLength: 8 }),
        (first, splices) => {
          let text = first
          let patch = noPatch
          for (const { at, count, added, around } of splices) {
            const place = Math.min(at, text.length)
            const gone = Math.min(count, text.length - place)
            patch = follow(patch, [replacing(text, place, gone, added, around)])
            text = text.toSpliced(place, gone, ...added)
          }
          const hunks = hunksOf(patch)
          expect(apply(first, hunks)).toEqual(text)
          expect(parseHunks(formatHunks(hunks))).toEqual(hunks)
          const { additions, deletions } = sizeOf(patch)
          expect(text.length - first.length).toBe(additions - deletions)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('several hunks of one patch count in lines of the same text', () => {
    const text = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']
    const hunks = [replacing(text, 1, 1, ['two', 'and a half'], 1), replacing(text, 10, 1, [], 1)]
    const patch = follow(noPatch, hunks)
    expect(apply(text, hunksOf(patch))).toEqual([
      '1',
      'two',
      'and a half',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
      '9',
      '10',
      '12',
    ])
  })

  it('what is taken back is no change', () => {
    const there = follow(noPatch, [replacing(['a', 'b', 'c'], 1, 1, ['B'], 1)])
    expect(hunksOf(follow(there, [replacing(['a', 'B', 'c'], 1, 1, ['b'], 1)]))).toEqual([])
  })

  it('edits that are near each other are one hunk', () => {
    const text = ['1', '2', '3', '4', '5']
    const once = follow(noPatch, [replacing(text, 0, 1, ['one'], 3)])
    const twice = follow(once, [replacing(['one', '2', '3', '4', '5'], 4, 1, ['five'], 3)])
    expect(formatHunks(hunksOf(twice))).toBe('@@ -1,5 +1,5 @@\n-1\n+one\n 2\n 3\n 4\n-5\n+five')
  })
})
