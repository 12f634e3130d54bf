import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter } from '#agents/line-splitter'

function taken(pieces: readonly string[], { lineCharsMax = 1000, stopAt = '' } = {}) {
  const lines: string[] = []
  const tooLong: string[] = []
  const splitter = new LineSplitter(lineCharsMax, {
    line(text) {
      lines.push(text)
      if (text === stopAt && stopAt !== '') splitter.stop()
    },
    tooLong: (beginning) => tooLong.push(beginning),
  })
  for (const piece of pieces) splitter.push(piece)
  return { lines, tooLong }
}

describe('a splitter of lines', () => {
  it('finds the same lines however the text is cut', () => {
    const line = fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\n', ''))
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat({ max: 9 })), (lines, cuts) => {
        const text = lines.map((one) => `${one}\n`).join('')
        const pieces: string[] = []
        let at = 0
        for (const cut of cuts) {
          pieces.push(text.slice(at, at + cut))
          at += cut
        }
        pieces.push(text.slice(at), 'unfinished')
        expect(taken(pieces)).toEqual({ lines, tooLong: [] })
      }),
    )
  })

  it('gives up at a line that is too long, once, with its beginning', () => {
    const pieces = ['first\n', ...Array<string>(300).fill('0123456789'), '\n', 'later\n']
    expect(taken(pieces, { lineCharsMax: 2000 })).toEqual({
      lines: ['first'],
      tooLong: ['0123456789'.repeat(100)],
    })
  })

  it('passes on nothing after it was stopped, not even of the same piece', () => {
    expect(taken(['a\nb\nc\n', 'd\n'], { stopAt: 'b' }).lines).toEqual(['a', 'b'])
  })
})
