import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UsageReader } from '#agents/gateway/answer-usage'

const started = {
  input_tokens: 10,
  cache_read_input_tokens: 20,
  cache_creation_input_tokens: 30,
  cache_creation: { ephemeral_5m_input_tokens: 25, ephemeral_1h_input_tokens: 5 },
  output_tokens: 1,
}
const ended = { output_tokens: 40, server_tool_use: { web_search_requests: 2 } }
const used = {
  model: 'm',
  tokens: { inputTokens: 10, outputTokens: 40, cacheReadTokens: 20, cacheCreationTokens: 30 },
  cacheHourTokens: 5,
  searches: 2,
}

const event = (type: string, data: object) =>
  `event: ${type}\r\ndata: ${JSON.stringify({ type, ...data })}\r\n\r\n`
const events = [
  event('message_start', { message: { model: 'm', usage: started } }),
  event('content_block_delta', { delta: { text: '"usage" and message_stop, ünïcode' } }),
  event('ping', {}),
  event('message_delta', { usage: ended }),
  event('message_stop', {}),
]

function stream(text: string, pieceBytes = 1_000_000): UsageReader {
  const reader = new UsageReader({ headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.take(bytes.subarray(at, at + pieceBytes))
  return reader
}

describe('the usage of an answer', () => {
  it('a stream says what it used once it is whole, however it is cut into pieces', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (pieceBytes) => {
        expect(stream(events.join(''), pieceBytes).complete).toEqual(used)
      }),
    )
  })

  it('a stream that breaks off says what it has used so far', () => {
    const reader = stream(events.slice(0, 3).join(''))
    reader.end()
    expect(reader.complete).toBeNull()
    expect(reader.seen).toMatchObject({ tokens: { inputTokens: 10, outputTokens: 1 } })
    expect(stream(events[2] ?? '').seen).toBeNull()
  })

  it('an answer that is no stream says what it used at its end', () => {
    const reader = new UsageReader({ headers: { 'content-type': 'application/json' } })
    const text = JSON.stringify({ model: 'm', usage: { ...started, ...ended } })
    for (const byte of Buffer.from(text)) reader.take(Buffer.from([byte]))
    expect(reader.complete).toBeNull()
    reader.end()
    expect(reader.complete).toEqual(used)
  })

  it('an answer of several models counts what each of them has used', () => {
    const iterations = [
      { type: 'message', input_tokens: 10, output_tokens: 3 },
      { type: 'fallback_message', input_tokens: 12, output_tokens: 40, cache_read_input_tokens: 20 },
      null,
    ]
    const reader = stream(
      [...events.slice(0, 3), event('message_delta', { usage: { ...ended, iterations } }), events[4]].join(
        '',
      ),
    )
    expect(reader.complete?.tokens).toEqual({
      inputTokens: 22,
      outputTokens: 43,
      cacheReadTokens: 20,
      cacheCreationTokens: 30,
    })
  })

  it('an answer without usage, or with one that is no number, says nothing or counts as 0', () => {
    for (const text of ['', 'no JSON', '[]', '{}', '{"usage":null}', '"usage"']) {
      const reader = new UsageReader({ headers: {} })
      reader.take(Buffer.from(text))
      reader.end()
      expect(reader.complete, text).toBeNull()
    }
    const odd = { input_tokens: '9', output_tokens: -1, cache_read_input_tokens: null, cache_creation: 'x' }
    const reader = stream([event('message_start', { message: { usage: odd } }), events[4]].join(''))
    expect(reader.complete?.tokens).toEqual({
      inputTokens: 0,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
    })
  })
})
