import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LongTexts } from '#agents/claude/process/long-texts'

const long = (letter: string) => letter.repeat(300_000)
const parse = (line: string) => JSON.parse(line) as { type: string }
const types = fc.constantFrom('assistant', 'user', 'result', 'system', 'control_request', 'stream_event')
const texts = fc.oneof(fc.string(), fc.constantFrom(long('a'), long('ü'), 'x'.repeat(20_000)))
const messages = fc.record({
  type: types,
  message: fc.record({ content: fc.array(fc.record({ type: fc.constant('text'), text: texts })) }),
  result: texts,
})

test('a message that the SDK passed on has the texts that the process wrote, whatever else was on the way', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(messages, fc.boolean()), { maxLength: 6 }), (sent) => {
      const way = new LongTexts()
      const lines = sent.map(([message]) => {
        const line = JSON.stringify(message)
        return way.shorten(line, parse(line))
      })
      for (const [index, [message, isKept]] of sent.entries()) {
        // The SDK may keep a message to itself.
        if (isKept) continue
        const received = parse(lines[index] ?? '')
        way.restore(received)
        expect(received).toEqual(message)
      }
    }),
    { numRuns: 30 },
  )
})

test('the line that the SDK receives of a message with a long text is short, and one that decides on a call is whole', () => {
  const way = new LongTexts()
  for (const [type, isShort] of [
    ['assistant', true],
    ['result', true],
    ['control_request', false],
  ] as const) {
    const line = JSON.stringify({ type, text: long('a') })
    expect(way.shorten(line, parse(line)).length < 200).toBe(isShort)
  }
})

test('a text that looks like a mark and is none stays as it is', () => {
  const way = new LongTexts()
  const line = JSON.stringify({ type: 'assistant', text: long('a') })
  const marked = parse(way.shorten(line, parse(line))) as { type: string; text: string }
  const forged = { type: 'assistant', text: `${marked.text}0` }
  way.restore(forged)
  expect(forged.text).toBe(`${marked.text}0`)
})
