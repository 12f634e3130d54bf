import { describe, expect, it } from 'vitest'
import { mount } from '../../../react/test/support/mount.tsx'
import { Call } from '../../src/approvals/call.tsx'
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
    expect(callParts('text')).toEqual([{ name: '', label: 'Input', text: 'text' }])
  })

  it('a field that is named like a property of every object, or like another’s label, has its own name and value', async () => {
    const input = JSON.parse('{"__proto__":"a","constructor":"b","path":"/one","file_path":"/two"}')
    const { container } = await mount(<Call input={input} reason="It is not on the list." />)
    expect(container.textContent).toBe(
      'File/twoFile/one__proto__aconstructorbWhy it asks: It is not on the list.',
    )
  })

  it('a text of nothing but hidden characters is counted, and costs no element for each of them', () => {
    const pieces = piecesOf(`rm${'\u200b'.repeat(200_000)} -rf ${'\u200b\u200c'.repeat(3)}`)
    expect(pieces.map(({ text }) => text).join('|')).toBe(
      'rm|U+200B × 200000| -rf |U+200B|U+200C|U+200B|U+200C|U+200B|U+200C',
    )
    const unreadable = piecesOf('a\u200b'.repeat(100_000))
    expect(unreadable.length).toBeLessThan(5000)
    expect(unreadable.at(-1)).toMatchObject({ text: '195,999 more characters are not shown', isHidden: true })
  })
})
