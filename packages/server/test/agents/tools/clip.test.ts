import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MiddleClip } from '#agents/tools/clip'

function clipped(charsMax: number, pieces: readonly string[]): string {
  const clip = new MiddleClip(charsMax)
  for (const piece of pieces) clip.push(piece)
  return clip.text
}
const note = /\n\[… (\d+) characters left out …\]\n/

describe('clipping an output', () => {
  it('leaves the middle out and says how much', () => {
    expect(clipped(6, ['abc', 'defghi', 'xyz'])).toBe('abc\n[… 6 characters left out …]\nxyz')
  })

  it('cuts no character in two', () => {
    expect(clipped(4, ['a😀😀😀b'])).toBe('a\n[… 6 characters left out …]\nb')
  })

  const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n'), maxLength: 40 }), {
    maxLength: 40,
  })

  it('returns what fits exactly, however it was cut into pieces', () => {
    fc.assert(
      fc.property(pieces, (given) => {
        const text = given.join('')
        expect(clipped(Math.max(text.length, 1), given)).toBe(text)
      }),
    )
  })

  it('returns a beginning and an end of the output, of bounded length, whose gap is counted', () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 2, max: 60 }), (given, charsMax) => {
        const whole = given.join('')
        const text = clipped(charsMax, given)
        const count = note.exec(text)?.[1]
        if (count === undefined) {
          expect(text).toBe(whole)
          return
        }
        const [head = '', tail = ''] = text.split(note.exec(text)?.[0] ?? '')
        expect(whole.startsWith(head) && whole.endsWith(tail)).toBe(true)
        expect(head.length + tail.length + Number(count)).toBe(whole.length)
        expect(head.length + tail.length).toBeLessThanOrEqual(charsMax)
        expect(text.isWellFormed()).toBe(true)
      }),
    )
  })

  it('holds a bounded part of an endless output', () => {
    const clip = new MiddleClip(1000)
    for (let count = 0; count < 20_000; count += 1) clip.push('0123456789'.repeat(10))
    expect(clip.text.length).toBeLessThan(1100)
  })
})
