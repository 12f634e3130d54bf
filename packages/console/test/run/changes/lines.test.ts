import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changedLines, hunkLines } from '#run/changes/lines.ts'

describe('hunkLines', () => {
  it('lines have their numbers before and after', () => {
    const lines = hunkLines(
      '@@ -3,3 +3,4 @@ x\n same\n-old\n+new\n+more\n end\n\\ No newline at end of file\n',
    )
    expect(lines.map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
      ['hunk', '@@ -3,3 +3,4 @@ x', null, null],
      ['same', 'same', 3, 3],
      ['removed', 'old', 4, null],
      ['added', 'new', null, 4],
      ['added', 'more', null, 5],
      ['same', 'end', 5, 6],
    ])
    expect(hunkLines('')).toEqual([])
  })
})

describe('changedLines', () => {
  it('what is not removed is the new text, and what is not added the old one', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
      .map((lines) => lines.join('\n'))
    fc.assert(
      fc.property(text, text, (from, to) => {
        const lines = changedLines(from, to)
        const side = (without: string) =>
          lines
            .filter(({ kind }) => kind !== without)
            .map((line) => line.text)
            .join('\n')
        const trimmed = (whole: string) => whole.replace(/\n$/, '')
        expect(side('added')).toBe(trimmed(from))
        expect(side('removed')).toBe(trimmed(to))
      }),
    )
  })

  it('as many lines as possible are the same', () => {
    expect(changedLines('a\nb\nc\nd', 'a\nc\nx\nd').map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'same a',
      'removed b',
      'same c',
      'added x',
      'same d',
    ])
  })

  it('very long texts are compared by their beginning and their end', () => {
    const many = (name: string) => Array.from({ length: 500 }, (_, index) => `${name}${index}`).join('\n')
    const lines = changedLines(`same\n${many('a')}`, `same\n${many('b')}`)
    expect(lines.length).toBe(1001)
    expect(lines[0]?.kind).toBe('same')
  })
})
