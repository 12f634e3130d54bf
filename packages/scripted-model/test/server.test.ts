import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Reply, type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from '#index'
import { ask, prompt, readEvents, streamed, textOf } from './support/messages-client.ts'

async function serve(options: ScriptedModelOptions): Promise<ScriptedModel> {
  const model = await startScriptedModel(options)
  onTestFinished(() => model.close())
  return model
}

function serveReply(reply: Reply, more: Partial<ScriptedModelOptions> = {}): Promise<ScriptedModel> {
  return serve({ script: { name: 'test script', steps: [{ reply }] }, ...more })
}

const text = (value: string | string[], more = {}) => ({ type: 'text' as const, text: value, ...more })
const bash = { type: 'tool_use' as const, name: 'Bash', input: { command: 'npm test' } }

describe('a streamed reply', () => {
  it('has the events of the Messages API, in order', async () => {
    const usage = { input_tokens: 7, output_tokens: 9 }
    const { url } = await serveReply({
      content: [{ type: 'thinking', thinking: 'hm' }, text(['he', 'y']), { ...bash, deltaChars: 12 }],
      usage,
    })
    const events = await streamed(url, [prompt('go')])
    expect(events.map(({ type, index }) => (index === undefined ? type : `${type} ${index}`))).toEqual([
      'message_start',
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_delta 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_delta 1',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2',
      'content_block_delta 2',
      'content_block_stop 2',
      'message_delta',
      'message_stop',
    ])
    expect(events[0]).toMatchObject({
      message: { role: 'assistant', model: 'some-model', content: [], usage: { input_tokens: 7 } },
    })
    expect(events[3]).toMatchObject({ delta: { type: 'signature_delta' } })
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } })
  })

  it('loses no character, however it is cut into deltas', async () => {
    const { url } = await serve({
      script: {
        name: 'echo',
        steps: [1, 3, 1000].map((deltaChars) => ({
          when: { model: `by-${deltaChars}-chars` },
          reply: { content: [text('{{prompt}}', { deltaChars })] },
        })),
      },
    })
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.constantFrom(1, 3, 1000),
        async (said, chars) => {
          fc.pre(!said.includes('{{') && !said.trimStart().startsWith('<system-reminder>'))
          const response = await ask(url, [prompt(said)], { stream: true, model: `by-${chars}-chars` })
          expect(textOf(await readEvents(response))).toBe(said)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('waits at a hold until the test releases it, one delta at a time', async () => {
    const model = await serveReply({ content: [text(['one', 'two', 'three'], { hold: 'gate' })] })
    let seen = ''
    const all = ask(model.url, [prompt('go')], { stream: true }).then((response) =>
      readEvents(response, (events) => {
        seen = textOf(events)
        return false
      }),
    )
    await model.reached('gate')
    expect(seen).toBe('')
    model.release('gate')
    await model.reached('gate', 2)
    await expect.poll(() => seen).toBe('one')
    model.release('gate', Number.POSITIVE_INFINITY)
    expect(textOf(await all)).toBe('onetwothree')
  })

  it('begins with the announcement of the script, but only in the first answer of a conversation', async () => {
    const { url } = await serve({
      script: {
        name: 'x',
        announce: 'I am a script.',
        model: 'scripted',
        steps: [{ reply: { content: [bash] } }],
      },
    })
    const events = await streamed(url, [prompt('hello')])
    expect(textOf(events)).toBe('I am a script.')
    expect(events[0]).toMatchObject({ message: { model: 'scripted' } })
    const later = [prompt('hello'), { role: 'assistant', content: 'I am a script.' }, prompt('more')]
    expect(textOf(await streamed(url, later))).toBe('')
  })
})

describe('a reply', () => {
  it('arrives whole when the request wants no stream', async () => {
    const { url } = await serveReply({ content: [text(['he', 'y']), bash], stop_reason: 'max_tokens' })
    const message = (await (await ask(url, [prompt('go')])).json()) as { content: { id?: string }[] }
    expect(message).toMatchObject({
      type: 'message',
      content: [{ type: 'text', text: 'hey' }, bash],
      stop_reason: 'max_tokens',
    })
    expect(message.content[1]?.id).toMatch(/^toolu_/)
  })

  it('has its placeholders filled from the request, also deep inside a tool input', async () => {
    const input = { file_path: '{{cwd}}/{{match.file}}', list: ['{{turn}}', { of: '{{model}}' }] }
    const { url } = await serve({
      script: {
        name: 'x',
        steps: [
          {
            when: { text: { regex: 'read (?<file>\\S+)' } },
            reply: { content: [{ type: 'tool_use', name: 'Read', input }] },
          },
        ],
      },
    })
    const stated = { role: 'system', content: ' - Primary working directory: /some/where' }
    const message = await (await ask(url, [prompt('read a.txt'), stated])).json()
    expect(message).toMatchObject({
      content: [{ input: { file_path: '/some/where/a.txt', list: ['1', { of: 'some-model' }] } }],
    })
    const refused = await ask(url, [prompt('read a.txt')])
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('nothing for {{cwd}}')
  })

  it('can be an error, with its status and retry-after', async () => {
    const { url } = await serveReply({
      error: 'overloaded_error',
      retryAfterSeconds: 3,
      headers: { 'x-should-retry': 'false' },
    })
    const response = await ask(url, [prompt('go')], { stream: true })
    expect(response.status).toBe(529)
    expect(response.headers.get('retry-after')).toBe('3')
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'overloaded_error' } })
  })

  it('is an error that names what was looked for when no step holds', async () => {
    const { url } = await serve({
      script: { name: 'my script', steps: [{ when: { turn: 2 }, reply: { content: [] } }] },
    })
    const response = await ask(url, [prompt('surprise')])
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('my script: no step is for turn 1, last message: surprise')
  })
})

describe('trouble', () => {
  const content = [text(['part', 'ial'])]
  const trouble = (kind: 'stall' | 'cut' | 'garbage' | 'error', afterEvents: number) =>
    serveReply({ content, trouble: { kind, afterEvents } })

  it('cuts the connection in mid-stream, after the earlier events have arrived', async () => {
    const { url } = await trouble('cut', 3)
    const seen: string[] = []
    const response = await ask(url, [prompt('go')], { stream: true })
    await expect(
      readEvents(response, (events) => {
        seen.push(textOf(events))
        return false
      }),
    ).rejects.toThrow()
    expect(seen.at(-1)).toBe('part')
    await expect(ask((await trouble('cut', 0)).url, [prompt('go')], { stream: true })).rejects.toThrow()
  })

  it('stalls until the client leaves or the server closes', async () => {
    const model = await trouble('stall', 3)
    const leaver = new AbortController()
    const left = fetch(`${model.url}/v1/messages`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', stream: true, messages: [prompt('go')] }),
      signal: leaver.signal,
    }).then((response) =>
      readEvents(response, (events) => {
        if (textOf(events) === 'part') leaver.abort()
        return false
      }),
    )
    await expect(left).rejects.toThrow('abort')
    const response = await ask(model.url, [prompt('go')], { stream: true })
    await model.close()
    await expect(readEvents(response)).rejects.toThrow()
  })

  it('sends bytes that are not an event', async () => {
    const { url } = await trouble('garbage', 3)
    const body = await (await ask(url, [prompt('go')], { stream: true })).text()
    expect(body).toContain('part')
    expect(body).toMatch(/content_bl\ufffd/)
    expect(body).not.toContain('message_stop')
  })

  it('sends an error event inside a stream', async () => {
    const { url } = await trouble('error', 3)
    const events = await streamed(url, [prompt('go')])
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { type: 'overloaded_error' } })
  })
})

describe('the server', () => {
  it('accepts only the configured key', async () => {
    const model = await serveReply({ content: [] }, { apiKey: 'the-key' })
    expect((await ask(model.url, [prompt('go')])).status).toBe(401)
    expect((await ask(model.url, [prompt('go')], {}, { 'x-api-key': 'the-kez' })).status).toBe(401)
    expect((await ask(model.url, [prompt('go')], {}, { 'x-api-key': 'the-key' })).status).toBe(200)
    expect((await ask(model.url, [prompt('go')], {}, { authorization: 'Bearer the-key' })).status).toBe(200)
    expect(JSON.stringify(model.requests)).not.toContain('the-ke')
    expect(model.requests[1]?.headers['x-api-key']).toBe('[redacted]')
  })

  it('keeps the newest requests, with their bodies', async () => {
    const model = await serveReply({ content: [] }, { keepRequests: 2 })
    for (const said of ['a', 'b', 'c']) await ask(model.url, [prompt(said)])
    expect(
      model.requests.map(({ method, path, body }) => [
        method,
        path,
        (body as { messages: unknown[] }).messages,
      ]),
    ).toEqual([
      ['POST', '/v1/messages', [prompt('b')]],
      ['POST', '/v1/messages', [prompt('c')]],
    ])
  })

  it('counts tokens, and refuses requests that it does not know', async () => {
    const { url } = await serveReply({ content: [] })
    const post = (path: string, body: string) => fetch(`${url}${path}`, { method: 'POST', body })
    expect(await (await post('/v1/messages/count_tokens?beta=true', '{"messages":[]}')).json()).toEqual({
      input_tokens: 4,
    })
    expect((await post('/v1/messages', 'no json')).status).toBe(400)
    expect((await post('/v1/messages', '{"model":"m","messages":[]}')).status).toBe(400)
    expect((await post('/v1/complete', '{}')).status).toBe(404)
    expect((await fetch(`${url}/v1/models`)).status).toBe(404)
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
  })

  it('sends every byte of a body as a chunk of its own where one byte per write is configured', async () => {
    const model = await serveReply({ content: [text('Grüße')] }, { bytesPerWrite: 1 })
    const chunks: Buffer[] = []
    const body = JSON.stringify({ model: 'm', stream: true, messages: [prompt('go')] })
    // The parser of node:http reports every chunk of the wire, while fetch joins those that wait.
    const request = httpRequest(`${model.url}/v1/messages`, { method: 'POST' }).end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(response, 'end')
    expect(new Set(chunks.map(({ length }) => length))).toEqual(new Set([1]))
    expect(Buffer.concat(chunks).toString()).toContain('Grüße')
  })

  it('fails to start on a port that is taken', async () => {
    const { url } = await serveReply({ content: [] })
    await expect(serveReply({ content: [] }, { port: Number(new URL(url).port) })).rejects.toThrow(
      'EADDRINUSE',
    )
  })
})
