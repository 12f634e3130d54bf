/** Turns a reply into a message of the API, and into the events that stream it. No I/O. */
import { randomUUID } from 'node:crypto'
import type { Block, MessageReply, Usage } from './script.ts'

/** One event of a stream, and what it waits for before it is sent. */
export interface TimedEvent {
  event: { type: string } & Record<string, unknown>
  pauseMs: number
  hold: string | undefined
}

export interface Pace {
  pauseMs: number
  deltaChars: number
}

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

/** The whole message, as it is answered when no stream was asked for. */
export function toMessage(reply: MessageReply, model: string): Message {
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

/** The events of the stream, in order. */
export function toEvents(reply: MessageReply, model: string, pace: Pace): TimedEvent[] {
  const message = toMessage(reply, model)
  const now = (event: TimedEvent['event']): TimedEvent => ({ event, pauseMs: 0, hold: undefined })
  return [
    now({
      type: 'message_start',
      message: { ...message, content: [], stop_reason: null, usage: { ...reply.usage, output_tokens: 0 } },
    }),
    ...reply.content.flatMap((block, index) => {
      const whole = message.content[index]
      if (whole === undefined) return []
      return [
        now({ type: 'content_block_start', index, content_block: emptied(whole) }),
        ...deltas(block, whole, block.deltaChars ?? pace.deltaChars).map((delta) => ({
          event: { type: 'content_block_delta', index, delta },
          pauseMs: block.pauseMs ?? pace.pauseMs,
          hold: block.hold,
        })),
        now({ type: 'content_block_stop', index }),
      ]
    }),
    now({
      type: 'message_delta',
      delta: { stop_reason: message.stop_reason, stop_sequence: null },
      usage: { output_tokens: reply.usage.output_tokens },
    }),
    now({ type: 'message_stop' }),
  ]
}

function stopReason({ stop_reason, content }: MessageReply): string {
  return stop_reason ?? (content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn')
}

function toBlock(block: Block): MessageBlock {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: joined(block.text) }
    case 'thinking':
      return { type: 'thinking', thinking: joined(block.thinking), signature: 'c2NyaXB0ZWQ=' }
    case 'tool_use':
      // New each time: a resumed conversation may meet a server that was started anew.
      return { type: 'tool_use', id: newId('toolu'), name: block.name, input: block.input }
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

function deltas(block: Block, whole: MessageBlock, deltaChars: number): Record<string, unknown>[] {
  if (block.type === 'text') {
    return split(block.text, deltaChars).map((text) => ({ type: 'text_delta', text }))
  }
  if (block.type === 'thinking') {
    return [
      ...split(block.thinking, deltaChars).map((thinking) => ({ type: 'thinking_delta', thinking })),
      ...(whole.type === 'thinking' ? [{ type: 'signature_delta', signature: whole.signature }] : []),
    ]
  }
  const json = JSON.stringify(block.input)
  return split(json, deltaChars).map((partial_json) => ({ type: 'input_json_delta', partial_json }))
}

/** By code points, so that no delta holds half a character. */
function split(text: string | string[], chars: number): string[] {
  if (Array.isArray(text)) return text
  const points = [...text]
  const count = Math.ceil(points.length / chars)
  return Array.from({ length: count }, (_, at) => points.slice(at * chars, (at + 1) * chars).join(''))
}

function joined(text: string | string[]): string {
  return Array.isArray(text) ? text.join('') : text
}

function newId(prefix: string): string {
  return `${prefix}_scripted_${randomUUID().replaceAll('-', '')}`
}
