import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageLines } from '#agents/claude/process/lines'

function read(chunks: readonly string[]) {
  const messages: unknown[] = []
  const broken: string[] = []
  const lines = new MessageLines({
    message: (line, message) => {
      expect(JSON.parse(line)).toEqual(message)
      messages.push(message)
    },
    broken: (line) => broken.push(line),
  })
  for (const chunk of chunks) lines.push(chunk)
  return { messages, broken }
}

describe('the lines of a process', () => {
  it('the lines of a process are the messages it wrote, however they are cut', () => {
    const message = fc.record({ type: fc.string(), text: fc.string(), more: fc.jsonValue() })
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat(200)), (written, cuts) => {
        const text = written.map((one) => `${JSON.stringify(one)}\n`).join('\n')
        const chunks: string[] = []
        let rest = text
        for (const cut of cuts) {
          chunks.push(rest.slice(0, cut))
          rest = rest.slice(cut)
        }
        const { messages, broken } = read([...chunks, rest])
        expect(broken).toEqual([])
        expect(messages).toEqual(JSON.parse(JSON.stringify(written)))
      }),
    )
  })

  it('reading stops at the first line that is not a message, which is reported once', () => {
    const { messages, broken } = read(['{"type":"a"}\nno mess', 'age\n{"type":"b"}\nno\n', 'more\n'])
    expect(messages).toEqual([{ type: 'a' }])
    expect(broken).toEqual(['no message'])
  })

  it('a line that never ends is not a message', () => {
    const { broken } = read(Array.from({ length: 66 }, () => 'x'.repeat(1024 * 1024)))
    expect(broken).toHaveLength(1)
    expect(broken[0]?.length).toBeLessThanOrEqual(1000)
  })

  it('a line that is small as text and huge in memory is not a message', () => {
    const nested = (depth: number) => `{"type":"a","x":${'['.repeat(depth)}${']'.repeat(depth)}}\n`
    const wide = (count: number) => `{"type":"a","x":[${'{},'.repeat(count)}0]}\n`
    for (const line of [nested(200), wide(600_000)]) expect(read([line]).broken).toHaveLength(1)
    // Brackets and commas inside a string do not count.
    const text = JSON.stringify({ type: 'a', x: `${'['.repeat(1000)}"\\"${','.repeat(600_000)}` })
    for (const line of [nested(100), wide(100_000), `${text}\n`]) {
      expect(read([line])).toMatchObject({ messages: [{ type: 'a' }], broken: [] })
    }
  })

  it('a control message without what the SDK needs is not a message: its error could not be caught', () => {
    const incomplete = [
      { type: 'control_request', request_id: 'a' },
      { type: 'control_request', request_id: 'a', request: null },
      { type: 'control_request', request_id: 'a', request: { subtype: 7 } },
      { type: 'control_request', request_id: 'x'.repeat(1000), request: { subtype: 'a' } },
      { type: 'control_request', request: { subtype: 'a' } },
      { type: 'control_response' },
      { type: 'control_response', response: [] },
      { type: 'control_cancel_request', request_id: {} },
    ]
    for (const message of incomplete) {
      expect(read([`${JSON.stringify(message)}\n`])).toMatchObject({
        messages: [],
        broken: [expect.any(String)],
      })
    }
    const complete = { type: 'control_request', request_id: 'a', request: { subtype: 'hook_callback' } }
    expect(read([`${JSON.stringify(complete)}\n`]).messages).toEqual([complete])
  })

  it('a line cut off by the end of the process is ignored', () => {
    expect(read(['{"type":"a"}\n{"type":"b'])).toEqual({ messages: [{ type: 'a' }], broken: [] })
  })
})
