/**
 * The Responses API of OpenAI:
 * https://platform.openai.com/docs/api-reference/responses-streaming. No I/O.
 */
import { z } from 'zod'
import type { MessagesRequest } from '../conversation.ts'
import type { Block, MessageReply, Usage } from '../script.ts'
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
const item = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.union([z.string(), parts]).nullish(),
  call_id: z.string().optional(),
  name: z.string().optional(),
  output: z.union([z.string(), parts]).nullish(),
})
const responsesRequest = z.looseObject({
  model: z.string(),
  stream: z.boolean().nullish(),
  instructions: z.string().nullish(),
  input: z.union([z.string(), z.array(item).min(1)]),
})
type Item = z.output<typeof item>

const overflow =
  'Your input exceeds the context window of this model. Please adjust your input and try again.'

export const responses: Format = {
  name: 'responses',
  recognise: (path) => (path === '/v1/responses' ? {} : null),
  read(body) {
    const { model, stream, instructions, input } = responsesRequest.parse(body)
    const items = typeof input === 'string' ? [{ role: 'user', content: input }] : input
    const system = [instructions ?? '', ...items.filter(isSystem).map(({ content }) => textOf(content))]
    return { model, stream, system: system.join('\n'), messages: toMessages(items) }
  },
  frames,
  whole: (reply, model) => ended(newResponse(model), reply, reply.content.map(toItem)),
  error: (type, given, script) => openAiError(type, given, script, overflow),
  errorFrame: (type, message) =>
    frame(0, 'error', { error: { type: 'server_error', code: type, message, param: null } }),
}

function isSystem({ role }: Item): boolean {
  return role === 'system' || role === 'developer'
}

/** Items of one side that follow each other are one message, as in the Messages API. */
function toMessages(items: Item[]): MessagesRequest['messages'] {
  const messages: { role: string; content: Record<string, unknown>[] }[] = []
  for (const each of items.filter((one) => !isSystem(one))) {
    const { role, block } = toBlock(each)
    const last = messages.at(-1)
    if (last?.role === role && role === 'assistant') last.content.push(block)
    else if (last?.role === role && block.type === 'tool_result') last.content.push(block)
    else messages.push({ role, content: [block] })
  }
  return messages as MessagesRequest['messages']
}

function toBlock(given: Item): { role: string; block: { type: string } & Record<string, unknown> } {
  switch (given.type) {
    case 'function_call':
      return { role: 'assistant', block: { type: 'tool_use', id: given.call_id, name: given.name } }
    case 'function_call_output':
      return {
        role: 'user',
        block: { type: 'tool_result', tool_use_id: given.call_id, content: textOf(given.output) },
      }
    case 'reasoning':
      return { role: 'assistant', block: { type: 'thinking' } }
    default:
      return { role: given.role ?? 'assistant', block: { type: 'text', text: textOf(given.content) } }
  }
}

function textOf(given: Item['content']): string {
  if (typeof given === 'string') return given
  return (given ?? []).map(({ text }) => text ?? '').join('\n')
}

type Response = Record<string, unknown>

function newResponse(model: string): Response {
  return {
    id: newId('resp'),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    model,
    output: [],
    parallel_tool_calls: true,
    usage: null,
  }
}

function ended(response: Response, reply: MessageReply, output: OutputItem[]): Response {
  const reason = incompleteReason(reply)
  return {
    ...response,
    status: reason === null ? 'completed' : 'incomplete',
    incomplete_details: reason === null ? null : { reason },
    output,
    usage: usageOf(reply.usage),
  }
}

type OutputItem = { id: string; type: string } & Record<string, unknown>

function toItem(block: Block): OutputItem {
  switch (block.type) {
    case 'text':
      return {
        id: newId('msg'),
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [textPart(wholeOf(block))],
      }
    case 'thinking':
      return {
        id: newId('rs'),
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: wholeOf(block) }],
        encrypted_content: 'c2NyaXB0ZWQ=',
      }
    case 'tool_use':
      return {
        id: newId('fc'),
        type: 'function_call',
        status: 'completed',
        call_id: block.id ?? newId('call'),
        name: block.name,
        arguments: wholeOf(block),
      }
    default:
      return block satisfies never
  }
}

function textPart(text: string): Record<string, unknown> {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

function frames(reply: MessageReply, model: string, pace: Pace): TimedFrame[] {
  let count = 0
  const event = (type: string, data: Record<string, unknown>) => frame(count++, type, data)
  const response = newResponse(model)
  const items = reply.content.map(toItem)
  const opened = [
    now(event('response.created', { response })),
    now(event('response.in_progress', { response })),
  ]
  const blocks = reply.content.flatMap((block, output_index) => {
    const whole = items[output_index]
    return whole === undefined ? [] : itemFrames({ block, whole, output_index, pace, event })
  })
  const kind = incompleteReason(reply) === null ? 'response.completed' : 'response.incomplete'
  return [...opened, ...blocks, now(event(kind, { response: ended(response, reply, items) }))]
}

interface Streamed {
  block: Block
  whole: OutputItem
  output_index: number
  pace: Pace
  event(type: string, data: Record<string, unknown>): string
}

function itemFrames({ block, whole, output_index, pace, event }: Streamed): TimedFrame[] {
  const at = { item_id: whole.id, output_index }
  const text = wholeOf(block)
  const added = (item: Record<string, unknown>) =>
    now(event('response.output_item.added', { output_index, item }))
  const delta = (type: string, more: Record<string, unknown>) =>
    paced(
      block,
      pace,
      deltasOf(block, pace).map((each) => event(type, { ...at, ...more, delta: each })),
    )
  const done = () => now(event('response.output_item.done', { output_index, item: whole }))
  switch (block.type) {
    case 'text': {
      const place = { ...at, content_index: 0 }
      return [
        added({ ...whole, status: 'in_progress', content: [] }),
        now(event('response.content_part.added', { ...place, part: textPart('') })),
        ...delta('response.output_text.delta', { content_index: 0, logprobs: [] }),
        now(event('response.output_text.done', { ...place, text, logprobs: [] })),
        now(event('response.content_part.done', { ...place, part: textPart(text) })),
        done(),
      ]
    }
    case 'thinking': {
      const place = { ...at, summary_index: 0 }
      const part = (words: string) => ({ type: 'summary_text', text: words })
      return [
        added({ ...whole, summary: [] }),
        now(event('response.reasoning_summary_part.added', { ...place, part: part('') })),
        ...delta('response.reasoning_summary_text.delta', { summary_index: 0 }),
        now(event('response.reasoning_summary_text.done', { ...place, text })),
        now(event('response.reasoning_summary_part.done', { ...place, part: part(text) })),
        done(),
      ]
    }
    case 'tool_use':
      return [
        added({ ...whole, status: 'in_progress', arguments: '' }),
        ...delta('response.function_call_arguments.delta', {}),
        now(event('response.function_call_arguments.done', { ...at, arguments: text })),
        done(),
      ]
    default:
      return block satisfies never
  }
}

function frame(sequence_number: number, type: string, data: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, ...data })}\n\n`
}

function incompleteReason(reply: MessageReply): string | null {
  const reason = stopReason(reply)
  if (reason === 'max_tokens' || reason === 'model_context_window_exceeded') return 'max_output_tokens'
  return reason === 'refusal' ? 'content_filter' : null
}

function usageOf(usage: Usage): Record<string, unknown> {
  return {
    input_tokens: inputTokens(usage),
    input_tokens_details: { cached_tokens: usage.cache_read_input_tokens },
    output_tokens: usage.output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens(usage) + usage.output_tokens,
  }
}
