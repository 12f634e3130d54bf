/**
 * The texts of the model's answers, each once. A text comes twice: as deltas while the model writes, and whole when its
 * block is done. When the stream of an answer breaks, only a whole answer of another id follows; what was said stays.
 *
 * Owns: the text of the block that is being streamed.
 */
import type { AgentMove } from '#agents/moves'
import { type Fields, fieldsOf, textOf } from './fields.ts'

interface Block {
  message: string
  index: number
  type: string
  text: string
}

export class Answer {
  #message = ''
  #block: Block | null = null

  /** Id of the answer that is being streamed, or was last. */
  get message(): string {
    return this.#message
  }

  /** Takes an event of the stream. Returns the delta of a text in it, if there is one. */
  stream(event: Fields): AgentMove[] {
    switch (event.type) {
      case 'message_start':
        this.#message = textOf(fieldsOf(event.message).id) ?? ''
        this.#block = null
        return []
      case 'content_block_start': {
        const type = textOf(fieldsOf(event.content_block).type) ?? ''
        const index = typeof event.index === 'number' ? event.index : 0
        this.#block = { message: this.#message, index, type, text: '' }
        return []
      }
      case 'content_block_delta':
        return this.#added(textOf(fieldsOf(event.delta).text))
      case 'content_block_stop':
        this.#block = null
        return []
      default:
        return []
    }
  }

  /** Takes a whole text, and returns what was not streamed of it. `uuid` is unique to it. */
  whole(message: unknown, text: string, uuid: string): AgentMove[] {
    const block = this.#block
    if (block?.type !== 'text' || block.message !== message) return textMoves(uuid, text)
    const rest = text.startsWith(block.text) ? text.slice(block.text.length) : ''
    return this.#added(rest)
  }

  #added(text: string | null): AgentMove[] {
    const block = this.#block
    if (text === null || block?.type !== 'text') return []
    block.text += text
    return textMoves(`${block.message}.${block.index}`, text)
  }
}

export function textMoves(messageId: string, text: string, parentToolCallId?: string): AgentMove[] {
  if (text === '') return []
  return [{ move: 'text', messageId, text, ...(parentToolCallId === undefined ? {} : { parentToolCallId }) }]
}
