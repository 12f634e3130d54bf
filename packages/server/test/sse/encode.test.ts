import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commentText, fieldText, frameText, unnumberedFrameText } from '#sse/encode'

describe('frames', () => {
  test('a frame is id, event and one line of data', () => {
    expect(frameText(7, 'output', '{"line":"a\\nb"}')).toBe(
      'id: 7\nevent: output\ndata: {"line":"a\\nb"}\n\n',
    )
  })

  test('an unnumbered frame has no id, so that it moves no cursor', () => {
    expect(unnumberedFrameText('reset', '{"head":9}')).toBe('event: reset\ndata: {"head":9}\n\n')
  })

  test('no text, whatever is in it, adds a line to a frame', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.json({ noUnicodeString: false }), (type, json) => {
        const pretty = JSON.stringify(JSON.parse(json), null, '\r\n')
        const lines = frameText(1, `${type}\r\nid: 9\n\0data: x`, pretty).split(/\r\n|\r|\n/)
        expect(lines).toHaveLength(5)
        expect(lines.map((line) => line.split(':')[0])).toEqual(['id', 'event', 'data', '', ''])
        expect(JSON.parse((lines[2] ?? '').slice('data: '.length))).toEqual(JSON.parse(json))
      }),
    )
    expect(fieldText('plain')).toBe('plain')
  })

  test('every line of a comment is a comment line', () => {
    expect(commentText('one\r\ntwo\rdata: three\n')).toBe(': one\n: two\n: data: three\n: \n\n')
  })
})
