/**
 * The conversation of an execution: the messages of the next request. Messages are only ever added, except
 * by a compaction.
 *
 * Invariants: every call has exactly one result before the next request; results are in the order of
 * their calls.
 */
import type { ModelMessage, ToolResultPart } from 'ai'
import type { Entry } from './entries.ts'

/** The text of a call's result, as the model reads it. */
export function resultOf(call: { id: string; name: string }, text: string, isError: boolean): ToolResultPart {
  return {
    type: 'tool-result',
    toolCallId: call.id,
    toolName: call.name,
    output: { type: isError ? 'error-text' : 'text', value: text },
  }
}

export interface OpenCall {
  id: string
  name: string
  input: unknown
}

export class Conversation {
  #messages: ModelMessage[] = []
  /** Results of the last answer's calls, by the id of the call. */
  readonly #results = new Map<string, ToolResultPart>()

  static of(entries: readonly Entry[]): Conversation {
    const conversation = new Conversation()
    for (const entry of entries) conversation.take(entry)
    return conversation
  }

  /** Complete only while no call is open. */
  get messages(): readonly ModelMessage[] {
    return this.#messages
  }

  take(entry: Entry): void {
    switch (entry.type) {
      case 'begin':
        return
      case 'message':
        this.#messages.push(entry.message)
        this.#results.clear()
        return
      case 'result':
        this.#takeResult(entry.result)
        return
      case 'compacted':
        this.#messages = [...entry.messages]
        this.#results.clear()
        return
      default:
        entry satisfies never
    }
  }

  /** The calls of the last answer that have no result yet. */
  openCalls(): OpenCall[] {
    return this.#lastCalls().filter(({ id }) => !this.#results.has(id))
  }

  /** The id of every call in it; those that a compaction removed are not among them. */
  callIds(): string[] {
    return this.#messages.flatMap((message) => callsIn(message).map(({ id }) => id))
  }

  #takeResult(result: ToolResultPart): void {
    if (!this.#lastCalls().some(({ id }) => id === result.toolCallId)) return
    if (this.#results.has(result.toolCallId)) return
    this.#results.set(result.toolCallId, result)
    const content = this.#lastCalls().flatMap(({ id }) => this.#results.get(id) ?? [])
    if (this.#messages.at(-1)?.role === 'tool') this.#messages.pop()
    this.#messages.push({ role: 'tool', content })
  }

  #lastCalls(): OpenCall[] {
    const last = this.#messages.at(-1)
    const answer = last?.role === 'tool' ? this.#messages.at(-2) : last
    return answer === undefined ? [] : callsIn(answer)
  }
}

export function callsIn(message: ModelMessage): OpenCall[] {
  if (message.role !== 'assistant' || typeof message.content === 'string') return []
  return message.content.flatMap((part) =>
    part.type === 'tool-call' ? [{ id: part.toolCallId, name: part.toolName, input: part.input }] : [],
  )
}
