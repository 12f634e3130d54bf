import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonErrorPosition } from '#config/json-position'

describe('the place where a text stops being JSON', () => {
  it.each([
    ['', 1, 1],
    ['{"a":1', 1, 7],
    ['{"a":1,}', 1, 8],
    ['{"a":x}', 1, 6],
    ['[1 2]', 1, 4],
    ['[1,\n 2,\n oops]', 3, 2],
    ['{"a" 1}', 1, 6],
    ['{a:1}', 1, 2],
    ["{'a':1}", 1, 2],
    ['{"a":"b\n"}', 1, 6],
    ['[1]]', 1, 4],
    ['{]', 1, 2],
    ['{"a":01}', 1, 6],
    ['  \n  // c', 2, 3],
  ])('the error in %j has its line and column', (text, line, column) => {
    expect(jsonErrorPosition(text)).toEqual({ line, column })
  })

  it('for valid JSON the position is the end of the text, so that no valid part is ever blamed', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 2), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), null, indent)
        const lines = text.split('\n')
        expect(jsonErrorPosition(text)).toEqual({
          line: lines.length,
          column: (lines.at(-1) ?? '').length + 1,
        })
      }),
    )
  })
})
