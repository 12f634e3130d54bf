/** The official provider packages, as any program uses them, against a scripted model. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { jsonSchema, type LanguageModel, type ModelMessage, streamText, tool } from 'ai'
import type { ScriptedModel } from '#index'

Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })

const apiKey = 'made-up-key'

export const providers: Record<string, (model: ScriptedModel) => LanguageModel> = {
  messages: ({ url }) => createAnthropic({ baseURL: `${url}/v1`, apiKey })('scripted'),
  responses: ({ url }) => createOpenAI({ baseURL: `${url}/v1`, apiKey })('scripted'),
  'chat completions': ({ url }) =>
    createOpenAICompatible({ name: 'local', baseURL: `${url}/v1`, includeUsage: true })('scripted'),
  generateContent: ({ url }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey })('scripted'),
}

/** What a program sees of one answer, without ids and other marks of the provider. */
export interface Seen {
  thoughts: string[]
  texts: string[]
  calls: { name: string; input: unknown }[]
  finishReason: string
  inputTokens: number | undefined
  outputTokens: number | undefined
}

const add = tool({
  description: 'Adds numbers.',
  inputSchema: jsonSchema({
    type: 'object',
    properties: { numbers: { type: 'array', items: { type: 'number' } } },
  }),
})

export async function seenOf(
  model: LanguageModel,
  messages: ModelMessage[],
): Promise<Seen & { messages: ModelMessage[] }> {
  const result = streamText({
    model,
    messages,
    instructions: 'Be exact.',
    tools: { add },
    maxOutputTokens: 1000,
    maxRetries: 0,
    onError: () => {},
  })
  const pieces = { thoughts: new Map<string, string>(), texts: new Map<string, string>() }
  const calls: Seen['calls'] = []
  for await (const part of result.stream) {
    if (part.type === 'error') throw part.error
    if (part.type === 'tool-call') calls.push({ name: part.toolName, input: part.input })
    if (part.type !== 'text-delta' && part.type !== 'reasoning-delta') continue
    const texts = part.type === 'text-delta' ? pieces.texts : pieces.thoughts
    texts.set(part.id, (texts.get(part.id) ?? '') + part.text)
  }
  const { inputTokens, outputTokens } = await result.usage
  return {
    thoughts: [...pieces.thoughts.values()],
    texts: [...pieces.texts.values()].filter((text) => text !== ''),
    calls,
    finishReason: await result.finishReason,
    inputTokens,
    outputTokens,
    messages: [...messages, ...(await result.response).messages],
  }
}
