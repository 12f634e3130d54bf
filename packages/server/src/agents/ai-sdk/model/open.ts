/** Opens a model through the official package of its provider. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModel, streamText } from 'ai'
import type { ResolvedModel } from './entry.ts'

export type Model = Exclude<LanguageModel, string>
export type ProviderOptions = NonNullable<Parameters<typeof streamText>[0]['providerOptions']>

export function openModel(model: ResolvedModel, fetch: typeof globalThis.fetch): Model {
  // The SDK writes warnings to the process's standard error otherwise. An application around us may want them.
  globalThis.AI_SDK_LOG_WARNINGS ??= false
  const { id, baseUrl, apiKey, provider } = model
  const options = {
    fetch,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
  }
  switch (provider) {
    case 'anthropic':
      return createAnthropic(options)(id)
    case 'openai':
      return model.api === 'chat' ? createOpenAI(options).chat(id) : createOpenAI(options).responses(id)
    case 'google':
      return createGoogle(options)(id)
    case 'openai-compatible':
      // Without `includeUsage` such servers send no usage in a stream.
      return createOpenAICompatible({
        name: 'local',
        includeUsage: true,
        ...options,
        baseURL: baseUrl ?? '',
      })(id)
    default:
      return provider satisfies never
  }
}

/** OpenAI keeps no copy of the conversation: ours is the only one, and survives a compaction. */
export function providerOptionsOf({ provider, api }: ResolvedModel): ProviderOptions {
  return provider === 'openai' && api === 'responses' ? { openai: { store: false } } : {}
}

/** Asks the provider to cache a request up to its end, if the provider caches only on demand. */
export function cacheMarkOf({ provider }: ResolvedModel): { providerOptions?: ProviderOptions } {
  return provider === 'anthropic'
    ? { providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } } }
    : {}
}
