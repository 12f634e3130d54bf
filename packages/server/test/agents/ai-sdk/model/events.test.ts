/** What a model server answers instead of a stream of events of moderate size. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EventLines, eventBytesMax } from '#agents/ai-sdk/model/events'
import { type Format, formats, run } from '../support/executions.ts'

async function answering(
  answer: (response: ServerResponse) => void,
): Promise<{ url: string; asked: () => number }> {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
    request.resume()
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

async function linesOf(text: string, pieceBytes: number): Promise<{ whole: string; isByLine: boolean }> {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, at) =>
    bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes),
  )
  const given: Buffer[] = await Readable.from(pieces).pipe(new EventLines('host')).toArray()
  return {
    whole: Buffer.concat(given).toString(),
    isByLine: given.slice(0, -1).every((each) => /[\r\n]$/.test(each.toString('latin1'))),
  }
}

describe('the events of a model', () => {
  it('a stream keeps its bytes, and arrives in whole lines', async () => {
    const line = fc.constantFrom('data: {"ünï":1}', '', ': ping', 'event: x', 'data: [DONE]')
    const lines = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 40 }), async (given, pieceBytes) => {
        const text = given.flat().join('')
        expect(await linesOf(text, pieceBytes)).toEqual({ whole: text, isByLine: true })
      }),
    )
  })

  it.each(['\n', '\r\n', '\r'])(
    'an event of many lines that end with %j is bounded, a stream is not',
    async (end) => {
      const line = `data: ${'x'.repeat(65_000)}${end}`
      const count = Math.ceil(eventBytesMax / line.length) + 1
      await expect(linesOf(line.repeat(count), 65_536)).rejects.toThrow(
        'host sent an event of more than 8 MiB.',
      )
      await expect(linesOf(`${line}${end}`.repeat(count), 65_536)).resolves.toMatchObject({ isByLine: true })
    },
  )
})

const eventOf60MiB = (response: ServerResponse) => {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
  const piece = Buffer.alloc(64 * 1024, 'x')
  const pieces = Array.from({ length: 960 }, (_, at) => (at === 0 ? Buffer.from('data: {"x":"') : piece))
  pipeline(Readable.from(pieces), response, () => {})
}

describe.each(formats)('a model server that is asked by the provider package of %s', (format: Format) => {
  it('that sends an event without end is left, and not asked again', async () => {
    let sent = 0
    const model = await answering((response) => {
      response.socket?.on('close', () => (sent = response.socket?.bytesWritten ?? 0))
      eventOf60MiB(response)
    })
    const { end } = await run(model, { format, entry: { outputTokensMax: 1000 } })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'provider_error',
      error: expect.stringMatching(/^127\.0\.0\.1:\d+ sent an event of more than 8 MiB\.$/),
      usage: { tokens: { outputTokens: 1000 } },
    })
    expect(model.asked()).toBe(1)
    expect(sent).toBeLessThan(30 * 1024 ** 2)
  })

  it('that answers with a web page is reported as such at once, and charges nothing', async () => {
    const page = '<!doctype html><title>Sign in</title>'
    const model = await answering((response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
    })
    const { end } = await run(model, { format })
    expect(end).toMatchObject({
      state: 'errored',
      reason: 'provider_error',
      error: expect.stringContaining('answered with a web page instead of a stream of events'),
      usage: { tokens: { inputTokens: 0, outputTokens: 0 } },
    })
    expect(model.asked()).toBe(1)
  })

  it('that answers with JSON is asked once, and its words are shown without the key', async () => {
    const model = await answering((response) => {
      const error = { message: 'no model is loaded for Bearer made-up-key' }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
    })
    const { end } = await run(model, { format, entry: { apiKeyEnv: 'OPENAI_API_KEY' } })
    expect(end).toMatchObject({
      reason: 'provider_error',
      error: expect.stringMatching(
        /with JSON instead of a stream .*: no model is loaded for Bearer \[secret\]$/,
      ),
    })
    expect(model.asked()).toBe(1)
  })

  it('that refuses at great length is read up to a bound', async () => {
    const model = await answering((response) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      eventOf60MiB(response)
    })
    const { end } = await run(model, { format })
    expect(end).toMatchObject({ reason: 'provider_error', error: expect.stringContaining('status 400') })
  })
})
