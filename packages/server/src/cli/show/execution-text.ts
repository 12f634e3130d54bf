/**
 * Turns an execution's events into text. Does no I/O: each event becomes pieces for a `Screen`.
 *
 * Owns: the view of the execution (`@millrace/protocol/view`); which text is being written, and how much of it is on
 * the screen; how many lines of each open call are. Each text and each line is shown once.
 */
import { type FinalState, permissionTypes } from '@millrace/protocol'
import {
  applyEvent,
  type CallItem,
  callInLine,
  clip,
  dollars,
  type ExecutionView,
  excerpt,
  type Item,
  itemsOf,
  newView,
  type OpenApproval,
  type TextItem,
  type ViewEvent,
  wholeCharacters,
} from '@millrace/protocol/view'
import { type AgentText, indented, line, type Piece } from './piece.ts'

const [resultLines, errorLines] = [6, 16]
/** Of what a call prints while it runs. */
const outputLines = 20
const bounds = { itemsMax: 500, textCharsMax: Number.POSITIVE_INFINITY }

/** Of the output of an open call. */
interface Printed {
  chars: number
  lines: number
}

export class ExecutionText implements AgentText {
  #view: ExecutionView = newView('execution', bounds)
  /** Characters of each text that are on the screen, by its key. */
  readonly #shown = new Map<string, number>()
  readonly #printed = new Map<string, Printed>()
  /** Calls whose denial the printer has shown. */
  readonly #denied = new Set<unknown>()
  /** The text that a further piece continues. */
  #writing: string | null = null
  #hasAnswer = false

  take(event: ViewEvent): Piece[] {
    const before = this.#view
    this.#view = applyEvent(before, event)
    const pieces = this.#said(before, event)
    if (pieces.some(({ kind }) => kind === 'line')) this.interrupt()
    return pieces
  }

  interrupt(): void {
    this.#writing = null
  }

  reset(firstSeq: number): void {
    this.#view = { ...newView('execution', bounds), head: firstSeq - 1 }
    this.#shown.clear()
    this.#printed.clear()
    this.interrupt()
  }

  question(approvalId: string): OpenApproval | undefined {
    return this.#view.approvals.find((one) => one.approvalId === approvalId)
  }

  callInLine(tool: string, input: unknown): string {
    return callInLine(tool, input)
  }

  endInLine(state: FinalState, { error, code }: Record<string, unknown>): string {
    if (state === 'completed') return ['completed', ...this.#facts()].join(', ')
    const why = typeof error === 'string' ? error : ''
    const cause = state === 'errored' && typeof code === 'string' ? `${code}: ${why}` : why
    return [`${state}${cause === '' ? '' : ` (${cause})`}`, ...this.#facts()].join(', ')
  }

  #said(before: ExecutionView, { type, data: given }: ViewEvent): Piece[] {
    const data = (given ?? {}) as Record<string, unknown>
    switch (type) {
      case 'plan:created':
      case 'plan:updated':
        return [line('note', planText(this.#view))]
      case 'phase:start':
        return [line('call', `▶ ${data.phaseName}`)]
      case 'phase:complete':
        return [
          data.status === 'incomplete'
            ? line('error', `✗ ${data.phaseName}`)
            : line('note', `✓ ${data.phaseName}`),
        ]
      case 'thinking':
        return this.#texts(before)
      case 'text:delta':
        return this.#texts(before)
      case 'tool:start':
        return this.#withCall(data, (call) => [line('call', indented(call, `● ${this.#call(call)}`))])
      case 'tool:output':
        return this.#withCall(data, (call) => this.#outputOf(call))
      case 'tool:complete':
        return this.#withCall(data, (call) => this.#resultOf(call))
      case permissionTypes.denied:
        this.#denied.add(data.toolUseId)
        return []
      case 'execution:complete':
        return this.#hasAnswer ? [{ kind: 'end' }] : answerOf(data.result)
      default:
        return noteOf(type, data)
    }
  }

  /** What the texts of the view have more than the screen. */
  #texts(before: ExecutionView): Piece[] {
    const known = new Set(itemsOf(before.items))
    return [...itemsOf(this.#view.items)].flatMap((item) =>
      !known.has(item) && (item.kind === 'text' || item.kind === 'thinking') ? this.#text(item) : [],
    )
  }

  #text(item: TextItem): Piece[] {
    const { key, kind, text } = item
    if (kind === 'thinking') return [line('thought', indented(item, text))]
    const from = this.#shown.get(key) ?? 0
    const to = wholeCharacters(text).length
    const added = text.slice(from, to)
    this.#shown.set(key, to)
    if (added === '') return []
    // A subagent's answer is for the agent: on the screen it is a remark.
    const look = item.parentToolCallId === null ? 'answer' : 'note'
    if (look === 'answer') this.#hasAnswer = true
    const begin: Piece[] = this.#writing === key ? [] : [{ kind: 'end' }]
    this.#writing = key
    return [...begin, { kind: 'text', look, text: added }]
  }

  #withCall({ toolCallId }: Record<string, unknown>, said: (call: CallItem) => Piece[]): Piece[] {
    const isIt = (item: Item): item is CallItem => item.kind === 'call' && item.toolCallId === toolCallId
    const call = [...itemsOf(this.#view.items)].findLast(isIt)
    return call === undefined ? [] : said(call)
  }

  #call({ toolName, input }: CallItem): string {
    return callInLine(toolName || 'a tool', input)
  }

  /** The lines that are complete. */
  #outputOf(call: CallItem): Piece[] {
    const printed = this.#printed.get(call.key) ?? { chars: 0, lines: 0 }
    const end = call.output.text.lastIndexOf('\n') + 1
    const lines = call.output.text.slice(printed.chars, end).split('\n').slice(0, -1)
    this.#printed.set(call.key, { chars: Math.max(end, printed.chars), lines: printed.lines + lines.length })
    const shown = lines.slice(0, Math.max(0, outputLines - printed.lines))
    return shown.map((one) => line('result', indented(call, `  ${clip(one, 400)}`)))
  }

  #resultOf(call: CallItem): Piece[] {
    const printed = this.#printed.get(call.key)
    this.#printed.delete(call.key)
    if (call.status === 'cancelled') return [line('note', indented(call, `✗ cancelled: ${this.#call(call)}`))]
    if (call.status === 'denied' && this.#denied.delete(call.toolCallId)) return []
    const failed = call.status !== 'ok'
    const look = failed ? 'error' : 'result'
    if (printed !== undefined && printed.lines > 0) {
      const left = Math.max(0, printed.lines - outputLines)
      // How a failure ends is what a person wants to know of it.
      const end = failed ? unseen(textOf(call.result), call.output.text, left) : []
      const skipped = failed ? end.length - errorLines : left
      const more: Piece[] = skipped > 0 ? [line('result', indented(call, `  … ${skipped} more lines`))] : []
      const shown = end.slice(-errorLines)
      return [...more, ...shown.map((one) => line(look, indented(call, `  ${clip(one, 400)}`)))]
    }
    const lines = excerpt(textOf(call.result), failed ? errorLines : resultLines)
    if (lines.length === 0) return []
    const shown = lines.map((one) => `  ${one}`).join('\n')
    return [line(look, indented(call, shown))]
  }

  #facts(): string[] {
    const { tokens, costUsd, durationMs } = this.#view
    const used = tokens === null ? 0 : Object.values(tokens).reduce((sum, count) => sum + count, 0)
    return [
      used === 0 ? '' : `${used.toLocaleString('en-US')} tokens`,
      costUsd === null ? '' : dollars(costUsd),
      durationMs === null ? '' : `${(durationMs / 1000).toFixed(1)} s`,
    ].filter((fact) => fact !== '')
  }
}

const marks = { pending: '·', active: '▶', complete: '✓', incomplete: '✗' } as const

function planText({ goal, phases }: ExecutionView): string {
  const lines = phases.map(({ name, status }) => `  ${marks[status]} ${clip(name, 160)}`)
  return [`-- plan: ${clip(goal ?? '', 200)}`, ...lines].join('\n')
}

/** The lines of a result that are not on the screen: of `output`, all but the last `left` lines are. */
function unseen(result: string, output: string, left: number): string[] {
  const printed = output.trimEnd().split('\n')
  const shown = new Set(printed.slice(0, printed.length - left))
  return result.split('\n').filter((one) => one.trim() !== '' && !shown.has(one))
}

/** An engine that streams no text has its answer in the result alone. */
function answerOf(result: unknown): Piece[] {
  const text = textOf(result)
  return text === '' ? [] : [{ kind: 'end' }, { kind: 'text', look: 'answer', text }, { kind: 'end' }]
}

/** What an engine adds to the vocabulary, if it says in words what it is. */
function noteOf(type: string, { message, attempt, attemptsMax, error }: Record<string, unknown>): Piece[] {
  if (type === 'model:retry') {
    const why = typeof error === 'string' ? ` (${clip(error, 200)})` : ''
    return [line('note', `-- the model's API failed${why}; attempt ${attempt} of ${attemptsMax}`)]
  }
  if (type === 'context:compacted') return [line('note', '-- the conversation was shortened')]
  return typeof message === 'string' ? [line('note', `-- ${clip(message, 400)}`)] : []
}

function textOf(result: unknown): string {
  if (typeof result === 'string') return result
  const { text } = (result ?? {}) as { text?: unknown }
  if (typeof text === 'string') return text
  return result === null || result === undefined ? '' : JSON.stringify(result)
}
