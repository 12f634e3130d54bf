import { APICallError, type ModelMessage } from 'ai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ScriptedModel, type ScriptedModelOptions, type Step, startScriptedModel } from '#index'
import { providers, seenOf } from './support/providers.ts'

async function serve(steps: Step[], more: Partial<ScriptedModelOptions> = {}): Promise<ScriptedModel> {
  const model = await startScriptedModel({ script: { name: 'test script', steps }, ...more })
  onTestFinished(() => model.close())
  return model
}

const usage = { input_tokens: 7, cache_read_input_tokens: 3, output_tokens: 9 }
/** Umlauts, an emoji and a line separator: characters of two, three and four bytes. */
const words = 'Grüße, 👋 \u2028 and "quotes"\n'
const story: Step[] = [
  {
    when: { text: 'sum', system: 'Be exact.' },
    reply: {
      content: [
        { type: 'thinking', thinking: `I think: ${words}` },
        { type: 'text', text: `I add: ${words}` },
        { type: 'tool_use', name: 'add', input: { numbers: [1, 2], note: words } },
        { type: 'tool_use', name: 'add', input: { numbers: [3] } },
      ],
      usage,
    },
  },
  {
    when: { turn: 2, toolResult: { tool: 'add', text: 'three' } },
    reply: { content: [{ type: 'text', text: 'It is {{result}} ({{turn}}).' }], stop_reason: 'max_tokens' },
  },
]

describe.each(Object.entries(providers))('the official provider of %s', (name, modelOf) => {
  it.each([
    ['in frames', {}],
    ['split at every byte', { bytesPerWrite: 1 }],
  ])('reads thoughts, texts, parallel calls and usage of a stream that arrives %s', async (_, delivery) => {
    const model = modelOf(await serve(story, delivery))
    const first = await seenOf(model, [{ role: 'user', content: 'What is the sum?' }])
    expect(first).toMatchObject({
      thoughts: [`I think: ${words}`],
      texts: [`I add: ${words}`],
      calls: [
        { name: 'add', input: { numbers: [1, 2], note: words } },
        { name: 'add', input: { numbers: [3] } },
      ],
      finishReason: 'tool-calls',
      inputTokens: 10,
      outputTokens: 9,
    })
    const second = await seenOf(model, [...first.messages, resultsFor(first.messages)])
    expect(second).toMatchObject({ texts: ['It is three (2).'], finishReason: 'length' })
  })

  it('sees an error with its status and retry-after', async () => {
    const steps: Step[] = [
      { when: { text: 'limit' }, reply: { error: 'rate_limit_error', retryAfterSeconds: 3 } },
      { when: { text: 'crash' }, reply: { error: 'api_error' } },
      { when: { text: 'load' }, reply: { error: 'overloaded_error' } },
    ]
    const model = modelOf(await serve(steps))
    const errorOf = async (content: string): Promise<APICallError> => {
      const error = await seenOf(model, [{ role: 'user', content }]).then(
        () => null,
        (thrown: unknown) => thrown,
      )
      if (!APICallError.isInstance(error)) throw new Error(`no error of a call: ${String(error)}`)
      return error
    }
    const limited = await errorOf('limit')
    expect(limited).toMatchObject({ statusCode: 429, isRetryable: true })
    expect(limited.responseHeaders?.['retry-after']).toBe('3')
    expect(await errorOf('crash')).toMatchObject({ statusCode: 500, isRetryable: true })
    expect(await errorOf('load')).toMatchObject({
      statusCode: name === 'messages' ? 529 : 503,
      isRetryable: true,
    })
  })

  it("sees a context overflow in the provider's own words", async () => {
    const steps: Step[] = [
      { when: { longerThan: 500 }, reply: { error: 'context_overflow' } },
      story[0] as Step,
    ]
    const model = modelOf(await serve(steps))
    const long = 'sum '.repeat(200)
    const error = await seenOf(model, [{ role: 'user', content: long }]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ statusCode: 400, isRetryable: false })
    expect(String(error)).toMatch(overflowWords[name] ?? /^$/)
    expect((await seenOf(model, [{ role: 'user', content: 'sum' }])).calls).toHaveLength(2)
  })

  it('sees an error in the middle of a stream', async () => {
    const model = modelOf(
      await serve([
        {
          reply: {
            content: [{ type: 'text', text: ['a', 'b', 'c', 'd'] }],
            trouble: { kind: 'error', afterEvents: 4 },
          },
        },
      ]),
    )
    await expect(seenOf(model, [{ role: 'user', content: 'go' }])).rejects.toThrow(/overloaded/)
  })
})

const overflowWords: Record<string, RegExp> = {
  messages: /prompt is too long/,
  responses: /exceeds the context window/,
  'chat completions': /maximum context length/,
  generateContent: /input token count/,
}

describe('every format', () => {
  it('accepts only the configured key', async () => {
    const server = await serve(story, { apiKey: 'the-key' })
    for (const modelOf of Object.values(providers)) {
      const refused = seenOf(modelOf(server), [{ role: 'user', content: 'sum' }])
      await expect(refused).rejects.toMatchObject({ statusCode: 401 })
    }
    expect(JSON.stringify(server.requests)).not.toContain('made-up-key')
  })
})

function resultsFor(messages: ModelMessage[]): ModelMessage {
  const last = messages.at(-1)
  const calls = last?.role === 'assistant' && typeof last.content !== 'string' ? last.content : []
  return {
    role: 'tool',
    content: calls.flatMap((part) =>
      part.type === 'tool-call'
        ? [{ ...part, type: 'tool-result' as const, output: { type: 'text' as const, value: 'three' } }]
        : [],
    ),
  }
}
