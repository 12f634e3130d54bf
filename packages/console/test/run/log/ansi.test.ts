import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAnsi, stripAnsi } from '#run/log/ansi.ts'

const esc = '\u001b'
const textOf = (line: string) =>
  parseAnsi(line)
    .map(({ text }) => text)
    .join('')
const first = (line: string) => parseAnsi(line)[0]

/** Lines full of escapes: mostly pieces of sequences, in any order. */
const piece = fc.oneof(
  fc.constantFrom(
    esc,
    `${esc}[`,
    `${esc}]8;;`,
    '\u0007',
    `${esc}\\`,
    '38;5;',
    '1',
    ';',
    ':',
    'm',
    'K',
    '\u009b',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const wildLine = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''))

describe('parseAnsi', () => {
  it('any line is parsed without an error, and what remains is its text without control characters', () => {
    fc.assert(
      fc.property(wildLine, (line) => {
        const text = textOf(line)
        expect(text).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/)
        let at = 0
        for (const character of text) {
          at = line.indexOf(character, at)
          expect(at).toBeGreaterThanOrEqual(0)
          at += character.length
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('a line without control characters is one span of the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (line) => {
        fc.pre(!/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(line))
        expect(parseAnsi(line)).toEqual([{ text: line, style: {} }])
      }),
    )
  })

  it('text between complete sequences is kept, in order', () => {
    const sequence = fc.constantFrom(
      `${esc}[0m`,
      `${esc}[1;31m`,
      `${esc}[38;2;1;2;3m`,
      `${esc}[2K`,
      `${esc}]0;title\u0007`,
      `${esc}(B`,
    )
    const words = fc.stringMatching(/^[a-z ]{0,6}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(words, sequence)), (parts) => {
        expect(textOf(parts.flat().join(''))).toBe(parts.map(([text]) => text).join(''))
      }),
    )
  })

  it.each([
    ['31', { color: 1 }],
    ['91', { color: 9 }],
    ['44', { background: 4 }],
    ['104', { background: 12 }],
    ['1;4;3;9', { bold: true, underline: true, italic: true, strike: true }],
    ['38;5;208', { color: 208 }],
    ['48;2;10;20;30', { background: '#0a141e' }],
    ['38:2::255:0:0', { color: '#ff0000' }],
    ['38:2:255:0:1', { color: '#ff0001' }],
    ['38:5:9;1', { color: 9, bold: true }],
    ['38;5;300', {}],
    ['58;5;1;32', { color: 2 }],
    ['4:3', { underline: true }],
    ['4:0', {}],
    ['31;39', {}],
    ['1;2;22', {}],
    ['31;0;1', { bold: true }],
    ['31;', {}],
  ])('SGR %s gives %j', (parameters, style) => {
    expect(first(`${esc}[${parameters}mx`)).toEqual({ text: 'x', style })
  })

  it('a hyperlink to the web is kept, one to anything else is only text', () => {
    const link = (address: string) =>
      parseAnsi(`${esc}]8;id=1;${address}${esc}\\here${esc}]8;;${esc}\\ after`)
    expect(link('https://example.org/a')).toEqual([
      { text: 'here', style: {}, href: 'https://example.org/a' },
      { text: ' after', style: {} },
    ])
    for (const address of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'https://'])
      expect(link(address)[0]).toEqual({ text: 'here', style: {} })
  })

  it('a sequence without an end hides nothing of the line', () => {
    expect(stripAnsi(`${esc}]8;;https://example.org and the rest`)).toBe(
      '8;;https://example.org and the rest',
    )
    expect(stripAnsi(`${esc}[31`)).toBe('31')
    expect(stripAnsi(`${esc}Pnever ends`)).toBe('never ends')
  })

  it('a sequence that is no style sets none', () => {
    expect(parseAnsi(`${esc}[>4;1mx`)).toEqual([{ text: 'x', style: {} }])
    expect(parseAnsi(`a${esc}[2Kb`)).toEqual([{ text: 'ab', style: {} }])
  })
})
