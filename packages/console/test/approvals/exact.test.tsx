import { describe, expect, it } from 'vitest'
import { callParts } from '../../src/approvals/call-parts.ts'
import { piecesOf } from '../../src/approvals/exact-text.ts'

describe('the text of a question', () => {
  it.each([
    ['rm \u202e-rf', 'U+202E'],
    ['a\u200bb', 'U+200B'],
    ['a\rb', 'U+000D'],
    ['echo\u00a0x', 'U+00A0'],
    ['\u{e0041}', 'U+E0041'],
    ['\u001b[2J', 'U+001B'],
    ['\u3164', 'U+3164'],
    ['\ud800', 'U+D800'],
  ])('a character that cannot be seen is named: %j', (text, name) => {
    expect(piecesOf(text).filter(({ isHidden }) => isHidden)).toMatchObject([{ text: name }])
  })

  it('what can be seen is shown as it is', () => {
    const text = 'grüße 日本 🙂\n\tif x: "y"'
    expect(piecesOf(text)).toEqual([{ at: 0, text, isHidden: false }])
  })

  it('every value of a call is shown, the telling ones first, and an edit as what goes and what comes', () => {
    const parts = callParts({ other: { deep: [1] }, new_string: 'b', old_string: 'a', file_path: '/x' })
    expect(parts.map(({ label, change }) => [label, change])).toEqual([
      ['File', undefined],
      ['Replaces', 'removed'],
      ['With', 'added'],
      ['other', undefined],
    ])
    expect(parts[3]?.text).toContain('"deep"')
    expect(callParts('text')).toEqual([{ label: 'Input', text: 'text' }])
  })
})
