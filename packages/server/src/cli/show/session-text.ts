/**
 * Turns a session's events into text. Does no I/O: each event becomes pieces for a `Screen`.
 *
 * A text arrives twice: as deltas while the model writes, and whole when its block is done; a log that is
 * read later may hold only the whole one. Owns: the streamed texts whose whole form has not arrived. Each
 * text is shown once, and looks the same however it was cut into deltas, or if it was not. If the model was
 * asked again in the middle of an answer, the beginning of the first answer stays, and the second one is
 * shown whole.
 */
import { callInLine, clip, excerpt, resultFacts, wholeCharacters } from '@millrace/protocol/view'
import type { z } from 'zod'
import type { Look } from './screen.ts'
import * as sdk from './sdk-messages.ts'

/** `text` continues the piece before it; `line` is a line of its own; `end` ends an open line. */
export type Piece =
  | { kind: 'text'; look: Look; text: string }
  | { kind: 'line'; look: Look; text: string }
  | { kind: 'end' }

interface Streamed {
  type: 'text' | 'thinking'
  text: string
  /** Characters of it that are on the screen. */
  shown: number
  /** Something else was shown after its beginning, so that it cannot be continued. */
  interrupted?: true
}

const demoModel = 'scripted-demo-model'
const [resultLines, errorLines] = [6, 16]
const looks = { text: 'answer', thinking: 'thought' } as const

export class SessionText {
  /** Texts of the answer that is being written, in order; the last one may still grow. */
  #streamed: Streamed[] = []
  #model: string | undefined
  #cwd: string | undefined

  /** Returns the pieces for one event of the log; none if it is not for people. */
  take(type: string, data: unknown): Piece[] {
    const pieces = this.#piecesOf(type, data)
    if (pieces.some(({ kind }) => kind === 'line')) this.interrupt()
    return pieces
  }

  /** Notes that something else is shown in between. */
  interrupt(): void {
    for (const streamed of this.#streamed) if (streamed.shown > 0) streamed.interrupted = true
  }

  #piecesOf(type: string, data: unknown): Piece[] {
    switch (type) {
      case 'system':
        return read(sdk.systemMessage, data, (message) => this.#system(message))
      case 'stream_event':
        return read(sdk.streamEvent, data, (message) => this.#delta(message))
      case 'assistant':
        return read(sdk.assistantMessage, data, (message) => this.#assistant(message))
      case 'user':
        return read(sdk.userMessage, data, userPieces)
      case 'result':
        return read(sdk.resultMessage, data, resultPieces)
      default:
        return []
    }
  }

  /** Returns a tool call as one line. */
  callInLine(tool: string, input: unknown): string {
    return callInLine(tool, input, this.#cwd)
  }

  #system(message: z.infer<typeof sdk.systemMessage>): Piece[] {
    if (message.subtype === 'init') {
      this.#cwd = message.cwd
      return []
    }
    if (message.subtype === 'api_retry') {
      const of = message.max_retries === undefined ? '' : ` of ${message.max_retries}`
      const error = typeof message.error === 'string' ? ` (${message.error})` : ''
      return [line('note', `-- the model's API failed${error}; attempt ${message.attempt ?? '?'}${of}`)]
    }
    return message.subtype === 'compact_boundary' ? [line('note', '-- the conversation was summarized')] : []
  }

  #delta({ parent_tool_use_id, event }: z.infer<typeof sdk.streamEvent>): Piece[] {
    // A subagent's text is shown whole: deltas would mix with the text of other agents.
    if (parent_tool_use_id) return []
    if (event.type === 'message_start') {
      this.#streamed = []
      return [{ kind: 'end' }, ...this.#named(event.message?.model)]
    }
    if (event.type === 'content_block_start') {
      const { type } = event.content_block ?? {}
      if (type === 'text' || type === 'thinking') this.#streamed.push({ type, text: '', shown: 0 })
      return []
    }
    const last = this.#streamed.at(-1)
    const added = last?.type === 'text' ? event.delta?.text : event.delta?.thinking
    if (event.type !== 'content_block_delta' || last === undefined || added === undefined) return []
    last.text += added
    return showUpTo(last, wholeCharacters(last.text).length)
  }

  #assistant({ parent_tool_use_id, message }: z.infer<typeof sdk.assistantMessage>): Piece[] {
    if (parent_tool_use_id) return message.content.flatMap((part) => this.#ofSubagent(part))
    return [...this.#named(message.model), ...message.content.flatMap((part) => this.#ofAgent(part))]
  }

  #ofAgent(part: sdk.Block): Piece[] {
    if (part.type === 'tool_use') return [line('call', this.#call(part))]
    if (part.type === 'text') return this.#whole('text', part.text ?? '')
    return part.type === 'thinking' ? this.#whole('thinking', part.thinking ?? '') : []
  }

  #whole(type: Streamed['type'], text: string): Piece[] {
    const [streamed] = this.#streamed.splice(0, this.#streamed.findIndex((one) => one.type === type) + 1)
    const isSame = streamed?.type === type && text.startsWith(streamed.text)
    const goesOn = isSame && (streamed.interrupted === undefined || streamed.shown === text.length)
    const shown = goesOn ? streamed.shown : 0
    const begin: Piece[] = goesOn ? [] : [{ kind: 'end' }]
    return [...begin, ...showUpTo({ type, text, shown }, text.length), { kind: 'end' }]
  }

  #ofSubagent(part: sdk.Block): Piece[] {
    if (part.type === 'tool_use') return [line('call', indented(this.#call(part)))]
    return part.type === 'text' && part.text ? [line('note', indented(part.text))] : []
  }

  #call(part: sdk.Block): string {
    return `● ${this.callInLine(part.name ?? 'a tool', part.input)}`
  }

  /** Names the model, and above all says so if it is not an AI. `<synthetic>` is the SDK itself. */
  #named(model: string | undefined): Piece[] {
    if (model === undefined || model === this.#model || model.startsWith('<')) return []
    this.#model = model
    const name = model === demoModel ? 'scripted demo model: a fixed script, not an AI' : `model ${model}`
    return [line('note', `-- ${name}`)]
  }
}

function showUpTo(streamed: Streamed, end: number): Piece[] {
  const text = streamed.text.slice(streamed.shown, end)
  streamed.shown = Math.max(streamed.shown, end)
  return text === '' ? [] : [{ kind: 'text', look: looks[streamed.type], text }]
}

function userPieces({ parent_tool_use_id, message }: z.infer<typeof sdk.userMessage>): Piece[] {
  return message.content.flatMap((part) => {
    if (part.type !== 'tool_result') return []
    const text = sdk.textOf(part.content)
    const failed = part.is_error === true
    const shown = excerpt(text, failed ? errorLines : resultLines)
      .map((one) => `  ${one}`)
      .join('\n')
    if (shown === '') return []
    return [line(failed ? 'error' : 'result', parent_tool_use_id ? indented(shown) : shown)]
  })
}

function resultPieces(result: z.infer<typeof sdk.resultMessage>): Piece[] {
  const { failed, why, facts } = resultFacts(result)
  const text = [...why, ...facts].map((one) => clip(one, 400))
  return [{ kind: 'end' }, line(failed ? 'error' : 'note', `-- ${text.join(', ')}`)]
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((one) => `  ${one}`)
    .join('\n')
}

function line(look: Look, text: string): Piece {
  return { kind: 'line', look, text }
}

function read<T>(schema: z.ZodType<T>, data: unknown, pieces: (value: T) => Piece[]): Piece[] {
  const parsed = schema.safeParse(data)
  return parsed.success ? pieces(parsed.data) : []
}
