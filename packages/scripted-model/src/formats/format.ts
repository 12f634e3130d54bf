/** What a wire format of a model provider is: how its requests are read and its replies written. */
import { randomUUID } from 'node:crypto'
import type { MessagesRequest } from '../conversation.ts'
import type { Block, ErrorType, MessageReply, Usage } from '../script.ts'

/** What a path asks for, where the path says so. */
export interface Asked {
  model?: string
  stream?: boolean
}

export interface Format {
  readonly name: string
  /** Returns what the path asks for; null if it belongs to another format. */
  recognise(path: string): Asked | null
  /** Returns the request in the words of the Messages API, which scripts speak. @throws ZodError */
  read(body: unknown, asked: Asked): MessagesRequest
  /** Returns the stream of a reply, frame by frame. */
  frames(reply: MessageReply, model: string, pace: Pace): TimedFrame[]
  /** Returns the body of a reply to a request that wants no stream. */
  whole(reply: MessageReply, model: string): unknown
  error(type: ErrorType, message: string | undefined, script: string): ErrorBody
  /** Returns an error in the middle of a stream. */
  errorFrame(type: string, message: string): string
}

export interface ErrorBody {
  status: number
  body: unknown
}

/** One frame of a stream, and what it waits for before it is sent. */
export interface TimedFrame {
  text: string
  pauseMs: number
  hold: string | undefined
}

export interface Pace {
  pauseMs: number
  deltaChars: number
}

/** A frame that waits for nothing. */
export function now(text: string): TimedFrame {
  return { text, pauseMs: 0, hold: undefined }
}

/** Frames that each wait for the pace of their block. */
export function paced(block: Block, pace: Pace, frames: readonly string[]): TimedFrame[] {
  return frames.map((text) => ({ text, pauseMs: block.pauseMs ?? pace.pauseMs, hold: block.hold }))
}

/** Returns the deltas of a block: of its text, its thinking, or its input as JSON. */
export function deltasOf(block: Block, pace: Pace): string[] {
  return split(sourceOf(block), block.deltaChars ?? pace.deltaChars)
}

/** Returns the whole text, thinking, or input of a block. */
export function wholeOf(block: Block): string {
  const source = sourceOf(block)
  return Array.isArray(source) ? source.join('') : source
}

function sourceOf(block: Block): string | string[] {
  switch (block.type) {
    case 'text':
      return block.text
    case 'thinking':
      return block.thinking
    case 'tool_use':
      return JSON.stringify(block.input)
    default:
      return block satisfies never
  }
}

/** Splits by code points, so that no delta holds half a character. */
function split(text: string | string[], chars: number): string[] {
  if (Array.isArray(text)) return text
  const points = [...text]
  const count = Math.ceil(points.length / chars)
  return Array.from({ length: count }, (_, at) => points.slice(at * chars, (at + 1) * chars).join(''))
}

/** A new id each time: a resumed conversation may meet a server that was started anew. */
export function newId(prefix: string): string {
  return `${prefix}_scripted_${randomUUID().replaceAll('-', '')}`
}

/** Returns the reason a reply stops, in the words of the Messages API. */
export function stopReason({ stop_reason, content }: MessageReply): NonNullable<MessageReply['stop_reason']> {
  return stop_reason ?? (content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn')
}

/** All input tokens: the Messages API counts those of the cache apart, the other formats do not. */
export function inputTokens(usage: Usage): number {
  return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
}

export function messageOr(
  given: string | undefined,
  type: ErrorType,
  words: Partial<Record<ErrorType, string>>,
  script: string,
): string {
  return given ?? words[type] ?? `${type} (${script})`
}
