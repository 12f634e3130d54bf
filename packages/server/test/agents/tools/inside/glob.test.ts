import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatcher } from '#agents/tools/inside/glob'

function matches(pattern: string, path: string): boolean {
  const matcher = globMatcher(pattern)
  if (typeof matcher === 'string') throw new Error(matcher)
  return matcher(path)
}

describe('a pattern of file names', () => {
  it.each([
    ['*.ts', 'a.ts', true],
    ['*.ts', 'src/deep/a.ts', true],
    ['*.ts', 'a.tsx', false],
    ['src/*.ts', 'src/a.ts', true],
    ['src/*.ts', 'src/deep/a.ts', false],
    ['src/**/*.ts', 'src/a.ts', true],
    ['src/**/*.ts', 'src/x/y/a.ts', true],
    ['src/**', 'src/x/y', true],
    ['src/**', 'other', false],
    ['**/test/**', 'a/test/b', true],
    ['./src/*', 'src/a', true],
    ['src/', 'a/src', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]x]', ']', true],
    ['[a', '[a', true],
    ['*.{ts,tsx}', 'a.tsx', true],
    ['{a,b{c,d}}/e', 'bd/e', true],
    ['{a}', '{a}', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['.*', '.env', true],
    ['*', '.env', true],
    ['$(a).^', '$(a).^', true],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected)
  })

  it('refuses a pattern that begins at the root', () => {
    expect(globMatcher('/etc/*')).toContain('relative')
  })

  it('refuses a pattern with too many alternatives', () => {
    expect(globMatcher('{a,b}'.repeat(20))).toContain('alternatives')
  })

  it('takes a short time, whatever the pattern is', () => {
    const start = performance.now()
    expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(250))).toBe(false)
    expect(matches(`${'**/'.repeat(30)}x`, 'a/'.repeat(1000))).toBe(false)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('matches the names that it was made of', () => {
    const name = fc
      .string({ unit: fc.constantFrom('a', 'b', '.', '-', 'é'), minLength: 1, maxLength: 5 })
      .filter((one) => !/^\.+$/.test(one))
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.nat(3), (names, at) => {
        const path = names.join('/')
        expect(matches(path, path)).toBe(true)
        const stars = names.map((one, index) => (index === at ? '*' : one)).join('/')
        expect(matches(stars, path)).toBe(true)
        expect(matches(`**/${names.at(-1)}`, path)).toBe(true)
      }),
    )
  })
})
