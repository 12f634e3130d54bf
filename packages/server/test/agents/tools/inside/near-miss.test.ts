import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearMiss } from '#agents/tools/inside/near-miss'

const file = ['function add(a, b) {', '    return a + b', '}', '', 'const greeting = “Hello”', ''].join('\n')

describe('a hint about a text that is not in the file', () => {
  it.each([
    ['line numbers of the read tool', '     2\t    return a + b', 'The text begins with line numbers'],
    ['other indentation', '\treturn a + b', 'matches except for white space'],
    [
      'other spaces over several lines',
      'function add(a,b) {\n  return a+b\n}',
      'matches except for white space',
    ],
    ['other quotation marks', 'const greeting = "Hello"', 'except for letter case, quotation marks'],
    ['a line that differs later', 'function add(a, b) {\n    return a - b\n}', 'differs from line 2 on'],
    ['a similar line', 'const greetings = "Hallo!"', 'The most similar line'],
  ])('notices %s', (_what, text, hint) => {
    expect(nearMiss(file, text, 'other')).toContain(hint)
  })

  it('shows the lines of the file with their numbers', () => {
    expect(nearMiss(file, 'return  a + b', '')).toMatch(/The file has:\n {5}2\t {4}return a \+ b$/)
  })

  it('says that the edit seems to be done', () => {
    expect(nearMiss(file, 'return a * b * c', 'return a + b')).toContain('already, at line 2')
  })

  it('is silent about a text that resembles nothing', () => {
    expect(nearMiss(file, 'zzzzzz qqqqqqq wwwwww', 'x')).toBe(null)
  })

  it('never fails, whatever the texts are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (...texts) => {
        expect(() => nearMiss(...texts)).not.toThrow()
      }),
    )
  })
})
