/**
 * The Gemini API of Google, `generateContent` and `streamGenerateContent`:
 * https://ai.google.dev/api/generate-content. No I/O.
 *
 * The input of a tool comes in one piece here, whatever `deltaChars` says.
 */
import { z } from 'zod'
import type { ContentBlock } from '../conversation.ts'
import { type Block, type ErrorType, errorStatus, type MessageReply, type Usage } from '../script.ts'
import {
  deltasOf,
  type Format,
  inputTokens,
  messageOr,
  newId,
  now,
  type Pace,
  paced,
  stopReason,
  type TimedFrame,
  wholeOf,
} from './format.ts'

const part = z.looseObject({
  text: z.string().optional(),
  thought: z.boolean().optional(),
  functionCall: z.looseObject({ id: z.string().nullish(), name: z.string() }).optional(),
  functionResponse: z
    .looseObject({ id: z.string().nullish(), name: z.string(), response: z.unknown() })
    .optional(),
})
const content = z.looseObject({ role: z.string().nullish(), parts: z.array(part) })
const generateRequest = z.looseObject({
  contents: z.array(content).min(1),
  systemInstruction: content.nullish(),
})
type Part = z.output<typeof part>

export const generateContent: Format = {
  name: 'generateContent',
  recognise(path) {
    const found = /^\/v1(?:beta)?\/models\/([^/:]+):(generateContent|streamGenerateContent)$/.exec(path)
    const [, model, method] = found ?? []
    if (model === undefined) return null
    return { model: decodeURIComponent(model), stream: method === 'streamGenerateContent' }
  },
  read(body, { model = '', stream = false }) {
    const { contents, systemInstruction } = generateRequest.parse(body)
    return {
      model,
      stream,
      system: (systemInstruction?.parts ?? []).map(({ text }) => text ?? '').join('\n'),
      messages: contents.map(({ role, parts }) => ({
        role: role === 'model' ? 'assistant' : 'user',
        content: parts.map(toBlock),
      })),
    }
  },
  frames,
  whole: (reply, model) =>
    body(
      model,
      reply.content.flatMap((block) => partsOf(block)),
      reply,
    ),
  error(type, given, script) {
    const { code, status } = errorNames[type]
    const message = messageOr(given, type, words, script)
    return { status: code, body: { error: { code, message, status } } }
  },
  errorFrame(type, message) {
    const { code, status } = errorNames[type as ErrorType] ?? errorNames.api_error
    return frame({ error: { code, message, status } })
  },
}

function toBlock({ text, thought, functionCall, functionResponse }: Part): ContentBlock {
  if (functionCall !== undefined) {
    return { type: 'tool_use', id: functionCall.id ?? functionCall.name, name: functionCall.name }
  }
  if (functionResponse !== undefined) {
    const { id, name, response } = functionResponse
    return { type: 'tool_result', tool_use_id: id ?? name, content: responseText(response) }
  }
  return thought === true ? { type: 'thinking' } : { type: 'text', text: text ?? '' }
}

/** A client may wrap the text of a result in an object. */
function responseText(response: unknown): string {
  if (typeof response !== 'object' || response === null) return String(response)
  const { content: said, output, result } = response as Record<string, unknown>
  const text = said ?? output ?? result
  return typeof text === 'string' ? text : JSON.stringify(response)
}

function frames(reply: MessageReply, model: string, pace: Pace): TimedFrame[] {
  const responseId = newId('resp')
  const chunk = (parts: unknown[]) => frame({ ...body(model, parts), responseId })
  return [
    ...reply.content.flatMap((block) =>
      block.type === 'tool_use'
        ? paced(block, pace, [chunk(partsOf(block))])
        : paced(
            block,
            pace,
            deltasOf(block, pace).map((text) => chunk([textPart(block, text)])),
          ),
    ),
    now(frame({ ...body(model, [{ text: '' }], reply), responseId })),
  ]
}

/** Ends the answer where a reply is given. */
function body(model: string, parts: unknown[], reply?: MessageReply): Record<string, unknown> {
  return {
    candidates: [
      {
        content: { parts, role: 'model' },
        ...(reply === undefined ? {} : { finishReason: finishReason(reply) }),
        index: 0,
      },
    ],
    ...(reply === undefined ? {} : { usageMetadata: usageOf(reply.usage) }),
    modelVersion: model,
  }
}

function partsOf(block: Block): unknown[] {
  if (block.type !== 'tool_use') return [textPart(block, wholeOf(block))]
  const functionCall = { id: block.id ?? newId('call'), name: block.name, args: block.input }
  return [{ functionCall, thoughtSignature: 'c2NyaXB0ZWQ=' }]
}

function textPart({ type }: Block, text: string): Record<string, unknown> {
  return type === 'thinking' ? { text, thought: true } : { text }
}

function frame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\r\n\r\n`
}

function finishReason(reply: MessageReply): string {
  const reason = stopReason(reply)
  if (reason === 'max_tokens' || reason === 'model_context_window_exceeded') return 'MAX_TOKENS'
  return reason === 'refusal' ? 'SAFETY' : 'STOP'
}

function usageOf(usage: Usage): Record<string, unknown> {
  return {
    promptTokenCount: inputTokens(usage),
    candidatesTokenCount: usage.output_tokens,
    totalTokenCount: inputTokens(usage) + usage.output_tokens,
    cachedContentTokenCount: usage.cache_read_input_tokens,
  }
}

const errorNames: Record<ErrorType, { code: number; status: string }> = {
  invalid_request_error: { code: 400, status: 'INVALID_ARGUMENT' },
  context_overflow: { code: 400, status: 'INVALID_ARGUMENT' },
  authentication_error: { code: 401, status: 'UNAUTHENTICATED' },
  billing_error: { code: 429, status: 'RESOURCE_EXHAUSTED' },
  permission_error: { code: 403, status: 'PERMISSION_DENIED' },
  not_found_error: { code: 404, status: 'NOT_FOUND' },
  request_too_large: { code: errorStatus.invalid_request_error, status: 'INVALID_ARGUMENT' },
  rate_limit_error: { code: 429, status: 'RESOURCE_EXHAUSTED' },
  api_error: { code: 500, status: 'INTERNAL' },
  timeout_error: { code: 504, status: 'DEADLINE_EXCEEDED' },
  overloaded_error: { code: 503, status: 'UNAVAILABLE' },
}

const words: Partial<Record<ErrorType, string>> = {
  context_overflow: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
  rate_limit_error: 'Resource has been exhausted (e.g. check quota).',
  overloaded_error: 'The model is overloaded. Please try again later.',
  api_error: 'An internal error has occurred.',
}
