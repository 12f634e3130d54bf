import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Line, LineSplitter } from '#runners/job/lines'

const runs = process.env.MILLRACE_TEST_FULL ? 20_000 : 1000

function split(chunks: Iterable<Buffer>, maxBytes = 1000): Line[] {
  const splitter = new LineSplitter(maxBytes)
  const lines: Line[] = []
  for (const chunk of chunks) lines.push(...splitter.push(chunk))
  return [...lines, ...splitter.end()]
}

const texts = (...chunks: string[]) =>
  split(chunks.map((chunk) => Buffer.from(chunk))).map((line) => line.text)

describe('lines', () => {
  it.each([
    ['a newline ends a line', ['a\nb\n'], ['a', 'b']],
    ['a carriage return with a newline ends a line', ['a\r\nb\r\n'], ['a', 'b']],
    ['a carriage return and a newline in two chunks end one line', ['a\r', '\nb'], ['a', 'b']],
    ['empty lines are lines', ['\n\r\n\n'], ['', '', '']],
    ['a last line needs no newline', ['a\nb'], ['a', 'b']],
    ['the end after a newline is no line', ['a\n'], ['a']],
    ['nothing is no line', [''], []],
    ['a carriage return rewrites the line', ['10%\r20%\r100%\n'], ['100%']],
    ['a carriage return at the beginning rewrites the line', ['\r10%\r100%\n'], ['100%']],
    ['a carriage return at the end changes nothing', ['100%\r'], ['100%']],
    ['two carriage returns before a newline change nothing', ['text\r\r\n'], ['text']],
    ['NUL and escapes pass', ['\0\u001b[31mred\u001b[0m\n'], ['\0\u001b[31mred\u001b[0m']],
    ['a byte order mark passes', ['\ufefftext\n'], ['\ufefftext']],
  ])('%s', (_claim, chunks, lines) => {
    expect(texts(...chunks)).toEqual(lines)
  })

  it('a character is never split, wherever the chunks are cut', () => {
    const bytes = Buffer.from('größe € 𝄞 日本\n')
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(split([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual([
        { text: 'größe € 𝄞 日本', truncated: false },
      ])
    }
  })

  it('invalid UTF-8 is replaced, and what surrounds it is kept', () => {
    const bytes = Buffer.concat([
      Buffer.from('a'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('b\n'),
      Buffer.from([0xe2, 0x82]),
    ])
    expect(split([bytes])).toEqual([
      { text: 'a\ufffd\ufffdb', truncated: false },
      { text: '\ufffd', truncated: false },
    ])
  })

  it('any cutting of the same bytes into chunks gives the same lines', () => {
    const byte = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(0x0a, 0x0d) },
      { weight: 4, arbitrary: fc.constantFrom(0x61, 0x62) },
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 255 }) },
    )
    const bytes = fc.array(byte, { maxLength: 80 }).map((list) => Buffer.from(list))
    const cuts = fc.array(fc.nat(80), { maxLength: 12 })
    fc.assert(
      fc.property(bytes, cuts, fc.integer({ min: 1, max: 40 }), (whole, at, maxBytes) => {
        const ends = [...new Set(at.filter((cut) => cut < whole.length))].sort((a, b) => a - b)
        const chunks = [...ends, whole.length].map((end, index) => whole.subarray(ends[index - 1] ?? 0, end))
        expect(split(chunks, maxBytes)).toEqual(split([whole], maxBytes))
      }),
      { numRuns: runs },
    )
  })

  it('without carriage returns the lines are those of the decoded text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, ''))),
        (lines) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
          expect(split([bytes], 1_000_000).map((line) => line.text)).toEqual(
            lines.map((line) => Buffer.from(line).toString()),
          )
        },
      ),
      { numRuns: runs / 4 },
    )
  })

  it('a line that is too long keeps its beginning, in whole characters, and says so', () => {
    expect(split([Buffer.from('aaaa€€\nnext\n')], 8)).toEqual([
      { text: 'aaaa€', truncated: true },
      { text: 'next', truncated: false },
    ])
    expect(split([Buffer.from('12345678\n')], 8)).toEqual([{ text: '12345678', truncated: false }])
  })

  it('a line without end takes no more memory than what is kept of it', () => {
    const splitter = new LineSplitter(100_000)
    const chunk = Buffer.alloc(1_000_000, 0x61)
    const before = process.memoryUsage().arrayBuffers
    for (let index = 0; index < 100; index++) expect(splitter.push(chunk)).toEqual([])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
    const [line] = splitter.push(Buffer.from('\n'))
    expect(line?.truncated).toBe(true)
    expect(line?.text.length).toBe(100_000)
    expect(splitter.push(Buffer.from('short\n'))).toEqual([{ text: 'short', truncated: false }])
  })

  it('a line that rewrites itself has a state to show whenever it shows something new', () => {
    const splitter = new LineSplitter(1000)
    splitter.push(Buffer.from('plain'))
    expect(splitter.hasState).toBe(false)
    splitter.push(Buffer.from('\n10%\r'))
    // It might be the first half of a line ending.
    expect(splitter.hasState).toBe(false)
    splitter.push(Buffer.from('20%'))
    expect(splitter.hasState).toBe(true)
    expect(splitter.state().text).toBe('20%')
    expect(splitter.hasState).toBe(false)
    splitter.push(Buffer.from('\r30%\r'))
    expect(splitter.hasState).toBe(true)
    expect(splitter.push(Buffer.from('\n'))).toEqual([{ text: '30%', truncated: false }])
    expect(splitter.hasState).toBe(false)
  })
})
