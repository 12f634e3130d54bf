/**
 * The Chat Completions API of OpenAI, which most local model servers speak:
 * https://platform.openai.com/docs/api-reference/chat-streaming. No I/O.
 *
 * Thinking is streamed as `reasoning_content`, as local servers do; OpenAI itself shows none here.
 */
import { z } from 'zod'
import type { MessagesRequest } from '../conversation.ts'
import type { MessageReply, Usage } from '../script.ts'
import {
  deltasOf,
  type Format,
  inputTokens,
  newId,
  now,
  type Pace,
  paced,
  stopReason,
  type TimedFrame,
  wholeOf,
} from './format.ts'
import { openAiError } from './openai.ts'

const parts = z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))
const content = z.union([z.string(), parts]).nullish()
const chatRequest = z.looseObject({
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  messages: z
    .array(
      z.looseObject({
        role: z.string(),
        content,
        tool_call_id: z.string().optional(),
        tool_calls: z
          .array(z.looseObject({ id: z.string(), function: z.looseObject({ name: z.string() }) }))
          .nullish(),
      }),
    )
    .min(1),
})
type ChatMessage = z.output<typeof chatRequest>['messages'][number]

const overflow =
  "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages."

export const chatCompletions: Format = {
  name: 'chat completions',
  recognise: (path) => (/^(\/v1)?\/chat\/completions$/.test(path) ? {} : null),
  read(body) {
    const { model, stream, messages } = chatRequest.parse(body)
    const system = messages.filter(isSystem).map(({ content }) => textOf(content))
    return { model, stream, system: system.join('\n'), messages: toMessages(messages) }
  },
  frames,
  whole,
  error: (type, given, script) => openAiError(type, given, script, overflow),
  errorFrame: (type, message) => frame({ error: { message, type: 'server_error', param: null, code: type } }),
}

function isSystem({ role }: ChatMessage): boolean {
  return role === 'system' || role === 'developer'
}

/** The results of one step are one message, as in the Messages API. */
function toMessages(given: ChatMessage[]): MessagesRequest['messages'] {
  const messages: MessagesRequest['messages'] = []
  let results: unknown[] | null = null
  for (const message of given.filter((each) => !isSystem(each))) {
    if (message.role === 'tool') {
      const result = {
        type: 'tool_result',
        tool_use_id: message.tool_call_id,
        content: message.content ?? '',
      }
      if (results === null) {
        results = []
        messages.push({ role: 'user', content: results as [] })
      }
      results.push(result)
      continue
    }
    results = null
    const uses = (message.tool_calls ?? []).map(({ id, function: { name } }) => ({
      type: 'tool_use',
      id,
      name,
    }))
    messages.push({
      role: message.role,
      content: [{ type: 'text', text: textOf(message.content) }, ...uses],
    })
  }
  return messages
}

function textOf(given: ChatMessage['content']): string {
  if (typeof given === 'string') return given
  return (given ?? []).map(({ text }) => text ?? '').join('\n')
}

function frames(reply: MessageReply, model: string, pace: Pace): TimedFrame[] {
  const shared = { id: newId('chatcmpl'), object: 'chat.completion.chunk', created: createdAt(), model }
  const chunk = (delta: Record<string, unknown>, finish_reason: string | null = null) =>
    frame({ ...shared, choices: [{ index: 0, delta, logprobs: null, finish_reason }] })
  let calls = 0
  const blocks = reply.content.flatMap((block) => {
    const deltas = deltasOf(block, pace)
    if (block.type === 'text')
      return paced(
        block,
        pace,
        deltas.map((text) => chunk({ content: text })),
      )
    if (block.type === 'thinking') {
      return paced(
        block,
        pace,
        deltas.map((text) => chunk({ reasoning_content: text })),
      )
    }
    const index = calls++
    const named = { index, id: block.id ?? newId('call'), type: 'function' }
    return [
      now(chunk({ tool_calls: [{ ...named, function: { name: block.name, arguments: '' } }] })),
      ...paced(
        block,
        pace,
        deltas.map((json) => chunk({ tool_calls: [{ index, function: { arguments: json } }] })),
      ),
    ]
  })
  return [
    now(chunk({ role: 'assistant', content: '' })),
    ...blocks,
    now(chunk({}, finishReason(reply))),
    now(frame({ ...shared, choices: [], usage: usageOf(reply.usage) })),
    now('data: [DONE]\n\n'),
  ]
}

function whole(reply: MessageReply, model: string): unknown {
  const texts = reply.content.filter(({ type }) => type === 'text').map(wholeOf)
  const thoughts = reply.content.filter(({ type }) => type === 'thinking').map(wholeOf)
  const calls = reply.content.flatMap((block) =>
    block.type === 'tool_use'
      ? [
          {
            id: block.id ?? newId('call'),
            type: 'function',
            function: { name: block.name, arguments: wholeOf(block) },
          },
        ]
      : [],
  )
  const message = {
    role: 'assistant',
    content: texts.length === 0 ? null : texts.join(''),
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('') }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  return {
    id: newId('chatcmpl'),
    object: 'chat.completion',
    created: createdAt(),
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(reply) }],
    usage: usageOf(reply.usage),
  }
}

function frame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

function createdAt(): number {
  return Math.floor(Date.now() / 1000)
}

function finishReason(reply: MessageReply): string {
  const reason = stopReason(reply)
  switch (reason) {
    case 'tool_use':
      return 'tool_calls'
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length'
    case 'refusal':
      return 'content_filter'
    case 'end_turn':
    case 'stop_sequence':
    case 'pause_turn':
      return 'stop'
    default:
      return reason satisfies never
  }
}

function usageOf(usage: Usage): Record<string, unknown> {
  return {
    prompt_tokens: inputTokens(usage),
    completion_tokens: usage.output_tokens,
    total_tokens: inputTokens(usage) + usage.output_tokens,
    prompt_tokens_details: { cached_tokens: usage.cache_read_input_tokens },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
}
