/**
 * Turns a session's events into text. Does no I/O: each event becomes pieces for a `Screen`.
 *
 * Owns: the view of the session (`@millrace/protocol/view`), and how much of each text that is being written is on
 * the screen. Each text is shown once, and looks the same however it was cut into deltas, or if it was not. If the
 * model was asked again in the middle of an answer, the beginning of the first answer stays, and the second one is
 * shown whole.
 */
import type { FinalState, SessionEndEvent } from '@millrace/protocol'
import {
  applyEvent,
  type CallItem,
  callInLine,
  clip,
  endText,
  excerpt,
  type Item,
  itemAt,
  itemsOf,
  type NoteItem,
  newView,
  type OpenApproval,
  resultFacts,
  type SessionView,
  type TextItem,
  type ViewEvent,
  wholeCharacters,
} from '@millrace/protocol/view'
import { type AgentText, indented, line, type Piece } from './piece.ts'

/** Of a text that is being written. */
interface Shown {
  /** Characters of it that are on the screen. */
  chars: number
  /** Something else was shown after its beginning, so that it cannot be continued. */
  interrupted: boolean
}

const demoModel = 'scripted-demo-model'
const [resultLines, errorLines] = [6, 16]
const looks = { text: 'answer', thinking: 'thought' } as const
/** What is on the screen need not be kept; a call is kept until its result arrives. */
const bounds = { itemsMax: 500, textCharsMax: Number.POSITIVE_INFINITY }

export class SessionText implements AgentText {
  #view: SessionView = newView('session', bounds)
  /** By the key of the text. */
  readonly #shown = new Map<string, Shown>()

  take(event: ViewEvent): Piece[] {
    const before = this.#view
    this.#view = applyEvent(before, event)
    const pieces = [...this.#named(before), ...this.#said(before, event)]
    if (pieces.some(({ kind }) => kind === 'line')) this.interrupt()
    return pieces
  }

  interrupt(): void {
    for (const shown of this.#shown.values()) shown.interrupted = true
  }

  reset(firstSeq: number): void {
    const { cwd, model } = this.#view
    this.#view = { ...newView('session', bounds), head: firstSeq - 1, cwd, model }
    this.#shown.clear()
  }

  question(approvalId: string): OpenApproval | undefined {
    return this.#view.approvals.find((one) => one.approvalId === approvalId)
  }

  callInLine(tool: string, input: unknown): string {
    return callInLine(tool, input, this.#view.cwd ?? undefined)
  }

  endInLine(state: FinalState, data: Record<string, unknown>): string {
    return endText({ ...(data as unknown as SessionEndEvent), state })
  }

  #said(before: SessionView, { type, data }: ViewEvent): Piece[] {
    // What happened to a question, and its end, are for the printer to say.
    const isSaid = ['system', 'stream_event', 'assistant', 'user', 'result'].includes(type)
    if (!isSaid && !type.startsWith('acp:')) return []
    if (type === 'result') return resultPieces(data)
    return changedItems(before, this.#view).flatMap(({ item, was }): Piece[] => {
      switch (item.kind) {
        case 'note':
          return [line('note', remarkOf(item))]
        case 'call':
          if (type === 'user' || isNowOver(item, was)) return resultOf(item)
          // An agent reports on a call as often as it likes.
          return was === undefined ? [line('call', indented(item, this.#call(item)))] : []
        case 'message':
        case 'event':
          return []
        default:
          return item.parentToolCallId === null ? this.#text(item, was, type) : ofSubagent(item)
      }
    })
  }

  #text(item: TextItem, was: Item | undefined, type: string): Piece[] {
    const { key, kind, text } = item
    const shown = this.#shown.get(key) ?? { chars: 0, interrupted: false }
    const upTo = (chars: number): Piece[] => {
      const added = text.slice(shown.chars, chars)
      shown.chars = Math.max(shown.chars, chars)
      return added === '' ? [] : [{ kind: 'text', look: looks[kind], text: added }]
    }
    if (item.isOpen) {
      this.#shown.set(key, shown)
      return upTo(wholeCharacters(text).length)
    }
    this.#shown.delete(key)
    // The model was asked again: it will not come whole.
    if (type === 'stream_event') return [{ kind: 'end' }]
    const streamed = was?.kind === kind ? was.text : null
    const isSame = streamed !== null && text.startsWith(streamed)
    const continues = isSame && (!shown.interrupted || shown.chars === text.length)
    if (!continues) shown.chars = 0
    return [...(continues ? [] : [{ kind: 'end' } as const]), ...upTo(text.length), { kind: 'end' }]
  }

  #call({ toolName, input }: CallItem): string {
    return `● ${this.callInLine(toolName || 'a tool', input)}`
  }

  /** Names the model, and above all says so if it is not an AI. */
  #named({ model: before }: SessionView): Piece[] {
    const { model } = this.#view
    if (model === null || model === before) return []
    const name = model === demoModel ? 'scripted demo model: a fixed script, not an AI' : `model ${model}`
    return [line('note', `-- ${name}`)]
  }
}

/** The items that an event added or changed, and what they were. */
function changedItems(before: SessionView, after: SessionView): { item: Item; was: Item | undefined }[] {
  const changed: { item: Item; was: Item | undefined }[] = []
  if (after.items === before.items) return changed
  // The same item is so many places further on in the list before.
  const moved = after.items.dropped - before.items.dropped
  let index = moved
  for (const item of itemsOf(after.items)) {
    const was = itemAt(before.items, index)
    if (item !== was) changed.push({ item, was })
    index += 1
  }
  return changed
}

function isNowOver({ status }: CallItem, was: Item | undefined): boolean {
  return was?.kind === 'call' && was.status === 'running' && status !== 'running' && status !== 'asked'
}

function ofSubagent(item: TextItem): Piece[] {
  return item.kind === 'text' ? [line('note', indented(item, item.text))] : []
}

function resultOf(call: CallItem): Piece[] {
  const failed = call.status === 'error'
  const shown = excerpt(String(call.result ?? ''), failed ? errorLines : resultLines)
    .map((one) => `  ${one}`)
    .join('\n')
  return shown === '' ? [] : [line(failed ? 'error' : 'result', indented(call, shown))]
}

function remarkOf({ text }: NoteItem): string {
  return `-- ${text.charAt(0).toLowerCase()}${text.slice(1)}`
}

function resultPieces(data: unknown): Piece[] {
  const { failed, why, facts } = resultFacts((data ?? {}) as Record<string, unknown>)
  const text = [...why, ...facts].map((one) => clip(one, 400))
  if (text.length === 0) return []
  return [{ kind: 'end' }, line(failed ? 'error' : 'note', `-- ${text.join(', ')}`)]
}
