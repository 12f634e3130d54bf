import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyHunks, hunksBetween } from '#view/changes/difference'
import { formatHunks, parseHunks } from '#view/changes/hunks'

const lines = fc.array(fc.constantFrom('a', 'b', 'c', '', '+', '-'), { maxLength: 40 })

describe('the difference between two texts', () => {
  it('whatever the texts are, their difference makes one of the other, also when written and read', () => {
    fc.assert(
      fc.property(lines, lines, (old, now) => {
        const hunks = hunksBetween(old, now)
        expect(applyHunks(old, hunks)).toEqual(now)
        expect(applyHunks(old, parseHunks(formatHunks(hunks)))).toEqual(now)
        if (old.join() !== now.join()) expect(hunks.length).toBeGreaterThan(0)
      }),
    )
  })

  it('two places far apart are two hunks, with three lines of context each', () => {
    const old = Array.from({ length: 40 }, (_, index) => `line ${index}`)
    const hunks = hunksBetween(old, old.with(5, 'five').with(30, 'thirty'))
    expect(
      hunks.map(({ oldStart, newStart, lines }) => ({ oldStart, newStart, lines: lines.length })),
    ).toEqual([
      { oldStart: 3, newStart: 3, lines: 8 },
      { oldStart: 28, newStart: 28, lines: 8 },
    ])
  })

  it('texts with nothing in common are one replacement, however long', () => {
    const [old, now] = ['o', 'n'].map((name) =>
      Array.from({ length: 20_000 }, (_, index) => `${name}${index}`),
    )
    const hunks = hunksBetween(old ?? [], now ?? [])
    expect(hunks).toHaveLength(1)
    expect(applyHunks(old ?? [], hunks)).toEqual(now)
  })

  it('hunks that do not fit make nothing', () => {
    const hunks = hunksBetween(['a', 'b'], ['a', 'c'])
    expect(applyHunks(['a', 'x'], hunks)).toBeNull()
    expect(applyHunks([], hunks)).toBeNull()
  })
})
