import { describe, expect, it } from 'vitest'
import { ValuePattern } from '#config/pattern'

describe('a pattern of an argument', () => {
  it.each(['^(a+)+$', '(a|a)*', '(a|aa)+$', '(.*a){20}', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    '%s takes no longer than the value is long',
    (source) => {
      const pattern = new ValuePattern(source)
      const startedAt = performance.now()
      expect(pattern.matches(`${'a'.repeat(31)}!`)).toBe(false)
      pattern.matches(`${'a'.repeat(10_000)}!`)
      expect(performance.now() - startedAt).toBeLessThan(2000)
    },
  )

  it.each([
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(a)\\1',
    '(?<name>a)\\k<name>',
    '(',
    'a)|(b',
    '[',
    '((a{1000}){1000}){1000}',
  ])('%s is refused: it is none, or could not be matched in proportion', (source) => {
    expect(() => new ValuePattern(source)).toThrow()
  })

  it.each([
    ['[\\p{L}\\p{N}._-]{1,5}', 'äß9-', 'ä ß'],
    ['\\d{4}-\\d{2}', '2026-11', '2026-1'],
    ['v\\d+\\/x', 'v1/x', 'v/x'],
    ['\\u00e4+', 'ää', 'a'],
    ['.', '😀', 'ab'],
    ['(?<year>\\d+)', '12', 'x'],
    ['^a$|^b$', 'b', 'a\nb'],
    ['', '', 'a'],
  ])('%s matches %j and not %j', (source, good, bad) => {
    const pattern = new ValuePattern(source)
    expect([pattern.matches(good), pattern.matches(bad)]).toEqual([true, false])
  })
})
