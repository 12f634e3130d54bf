/** The Messages API of Anthropic: https://docs.anthropic.com/en/api/messages-streaming. No I/O. */
import { messagesRequest } from '../conversation.ts'
import { type Block, errorStatus, type MessageReply, type Usage } from '../script.ts'
import {
  deltasOf,
  type Format,
  messageOr,
  newId,
  now,
  type Pace,
  paced,
  stopReason,
  type TimedFrame,
  wholeOf,
} from './format.ts'

type MessageBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> }

interface Message {
  id: string
  type: 'message'
  role: 'assistant'
  model: string
  content: MessageBlock[]
  stop_reason: string | null
  stop_sequence: null
  usage: Usage
}

const requestId = 'req_scripted'
const overflow = 'prompt is too long: 210000 tokens > 200000 maximum'

export const messages: Format = {
  name: 'messages',
  recognise: (path) => (path === '/v1/messages' ? {} : null),
  read: (body) => messagesRequest.parse(body),
  frames,
  whole: toMessage,
  error(type, given, script) {
    const message = messageOr(given, type, { context_overflow: overflow }, script)
    const name = type === 'context_overflow' ? 'invalid_request_error' : type
    return { status: errorStatus[type], body: errorBody(name, message) }
  },
  errorFrame: (type, message) => frame({ ...errorBody(type, message), type: 'error' }),
}

function toMessage(reply: MessageReply, model: string): Message {
  return {
    id: newId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: reply.content.map(toBlock),
    stop_reason: stopReason(reply),
    stop_sequence: null,
    usage: reply.usage,
  }
}

function frames(reply: MessageReply, model: string, pace: Pace): TimedFrame[] {
  const message = toMessage(reply, model)
  const start = { ...message, content: [], stop_reason: null, usage: { ...reply.usage, output_tokens: 0 } }
  return [
    now(frame({ type: 'message_start', message: start })),
    ...reply.content.flatMap((block, index) => {
      const whole = message.content[index]
      if (whole === undefined) return []
      const deltas = deltasIn(block, whole, pace)
      return [
        now(frame({ type: 'content_block_start', index, content_block: emptied(whole) })),
        ...paced(
          block,
          pace,
          deltas.map((delta) => frame({ type: 'content_block_delta', index, delta })),
        ),
        now(frame({ type: 'content_block_stop', index })),
      ]
    }),
    now(
      frame({
        type: 'message_delta',
        delta: { stop_reason: message.stop_reason, stop_sequence: null },
        usage: { output_tokens: reply.usage.output_tokens },
      }),
    ),
    now(frame({ type: 'message_stop' })),
  ]
}

function frame(event: { type: string } & Record<string, unknown>): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function toBlock(block: Block): MessageBlock {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: wholeOf(block) }
    case 'thinking':
      return { type: 'thinking', thinking: wholeOf(block), signature: 'c2NyaXB0ZWQ=' }
    case 'tool_use':
      return { type: 'tool_use', id: block.id ?? newId('toolu'), name: block.name, input: block.input }
    default:
      return block satisfies never
  }
}

function emptied(block: MessageBlock): MessageBlock {
  switch (block.type) {
    case 'text':
      return { ...block, text: '' }
    case 'thinking':
      return { ...block, thinking: '', signature: '' }
    case 'tool_use':
      return { ...block, input: {} }
    default:
      return block satisfies never
  }
}

function deltasIn(block: Block, whole: MessageBlock, pace: Pace): Record<string, unknown>[] {
  const texts = deltasOf(block, pace)
  switch (whole.type) {
    case 'text':
      return texts.map((text) => ({ type: 'text_delta', text }))
    case 'thinking':
      return [
        ...texts.map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: whole.signature },
      ]
    case 'tool_use':
      return texts.map((partial_json) => ({ type: 'input_json_delta', partial_json }))
    default:
      return whole satisfies never
  }
}

function errorBody(type: string, message: string): Record<string, unknown> {
  return { type: 'error', error: { type, message }, request_id: requestId }
}
