/**
 * Makes a conversation readable by another provider: without thoughts and marks that only the provider they come from
 * can read, and with ids of calls that every provider accepts.
 */
import { createHash } from 'node:crypto'
import type { ModelMessage } from 'ai'
import type { Entry } from './entries.ts'

/** Each run of the conversation may have had another provider; what the model's own one said stays as it is. */
export function readableBy(model: string, entries: readonly Entry[]): Entry[] {
  let isOwn = false
  return entries.flatMap((entry) => {
    if (entry.type === 'begin') isOwn = providerOf(entry.model) === providerOf(model)
    return isOwn ? [entry] : portable(entry)
  })
}

/** Each entry of `models` for a compatible server is a provider of its own. */
function providerOf(model: string): string {
  const [provider = '', entry = ''] = model.split(':')
  return provider === 'openai-compatible' ? `${provider}:${entry}` : provider
}

function portable(entry: Entry): Entry[] {
  switch (entry.type) {
    case 'begin':
      return [entry]
    case 'message':
      return portableMessage(entry.message).map((message) => ({ ...entry, message }))
    case 'result':
      return [{ ...entry, result: withPortableId(entry.result) }]
    case 'compacted':
      return [{ ...entry, messages: entry.messages.flatMap(portableMessage) }]
    default:
      return entry satisfies never
  }
}

/** Returns no message where nothing is left: providers refuse an empty one. */
function portableMessage(message: ModelMessage): ModelMessage[] {
  if (message.role === 'tool') {
    const content = message.content.map((part) => (part.type === 'tool-result' ? withPortableId(part) : part))
    return [{ ...message, content }]
  }
  if (message.role !== 'assistant' || typeof message.content === 'string') return [message]
  const content = message.content.flatMap((part) => {
    if (part.type !== 'text' && part.type !== 'tool-call') return []
    const { providerOptions: _, ...rest } = part
    return [rest.type === 'tool-call' ? withPortableId(rest) : rest]
  })
  return content.length === 0 ? [] : [{ role: 'assistant', content }]
}

/**
 * Providers bound the length of an id and its characters, each in its own way; this form is within all their bounds.
 * A call and its result get the same id, now and in every later run.
 */
function withPortableId<Part extends { toolCallId: string }>(part: Part): Part {
  if (/^[a-zA-Z0-9]{9}$/.test(part.toolCallId)) return part
  const digest = createHash('sha256').update(part.toolCallId).digest().readBigUInt64BE()
  return { ...part, toolCallId: (digest % 36n ** 9n).toString(36).padStart(9, '0') }
}
