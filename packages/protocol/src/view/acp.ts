/**
 * Updates of an agent that speaks the Agent Client Protocol (https://agentclientprotocol.com): a session has them as
 * `acp:<sessionUpdate>` events with the whole update as data. Foreign, so nothing about their shape is taken for granted.
 */
import type { PlanPhase } from '#executions'
import { emptyText, extend } from './bounds.ts'
import {
  add,
  type CallItem,
  type CallStatus,
  type Conversation,
  callNamed,
  change,
  has,
  isOver,
  isTextItem,
  newCall,
  newNote,
  newText,
  noPlace,
  type ShownEdit,
  type TextItem,
} from './items.ts'
import { itemAt, lengthOf, replaceAt } from './list.ts'
import { addEvent } from './other-events.ts'
import { numberOf, type RunPart, recordOf, stringOf, type ViewEvent } from './run.ts'
import { type Block, blocksOf, phaseStatusOf } from './session-messages.ts'

export const acpPrefix = 'acp:'

/** What the updates change of a session's view. */
interface AgentPart extends RunPart, Conversation {
  readonly phases: readonly PlanPhase[]
  readonly costUsd: number | null
}

/** Announcements that change nothing of what the agent said and did. */
const silentTypes = new Set([
  'acp:user_message_chunk',
  'acp:available_commands_update',
  'acp:current_mode_update',
  'acp:config_option_update',
  'acp:session_info_update',
])

export function reduceAcp<V extends AgentPart>(view: V, event: ViewEvent): V {
  const { type, seq } = event
  const data = recordOf(event.data)
  switch (type) {
    case 'acp:agent_message_chunk':
      return takeChunk(view, 'text', data, seq)
    case 'acp:agent_thought_chunk':
      return takeChunk(view, 'thinking', data, seq)
    case 'acp:tool_call':
    case 'acp:tool_call_update':
      return takeCall(view, data, seq)
    case 'acp:plan':
      return Array.isArray(data.entries) ? { ...view, phases: phasesOf(data.entries) } : view
    case 'acp:usage_update': {
      const { amount, currency } = recordOf(data.cost)
      return currency === 'USD' ? { ...view, costUsd: numberOf(amount) ?? view.costUsd } : view
    }
    case 'acp:stray_output':
      return add(view, newNote(`${seq}`, stringOf(data.line) ?? ''), view.bounds)
    case 'acp:turn_end':
      return closed(view)
    default:
      return silentTypes.has(type) ? view : addEvent(closed(view), event, view.bounds)
  }
}

/** A chunk continues the text before it, unless something else happened in between. */
function takeChunk<V extends AgentPart>(view: V, kind: TextItem['kind'], data: Block, seq: number): V {
  const text = stringOf(recordOf(data.content).text)
  if (text === null || text === '') return view
  const { bounds } = view
  const index = lengthOf(view.items) - 1
  const last = itemAt(view.items, index)
  if (last?.kind === kind && last.isOpen) {
    const longer: TextItem = { ...last, ...extend(last, text, bounds.textCharsMax) }
    return { ...view, items: replaceAt(view.items, index, longer) }
  }
  return add(closed(view), newText(kind, `${seq}`, text, { isOpen: true, bounds }), bounds)
}

/** The last text is complete. */
function closed<V extends AgentPart>(view: V): V {
  const index = lengthOf(view.items) - 1
  const last = itemAt(view.items, index)
  if (last === undefined || !isTextItem(last) || !last.isOpen) return view
  return { ...view, items: replaceAt(view.items, index, { ...last, isOpen: false }) }
}

function takeCall<V extends AgentPart>(view: V, data: Block, seq: number): V {
  const id = stringOf(data.toolCallId)
  if (id === null) return view
  const known = has(view, callNamed(id))
    ? view
    : add(closed(view), newCall(`${seq}`, id, { place: noPlace }), view.bounds)
  return change(known, callNamed(id), (call) => updated(call, data, view.bounds.textCharsMax))
}

function updated(call: CallItem, data: Block, charsMax: number): CallItem {
  const { title, kind, rawInput, locations, content, rawOutput } = data
  const status = statusOf(data.status) ?? call.status
  const text = Array.isArray(content) ? extend(emptyText, contentText(content), charsMax) : null
  const output = text ?? call.output
  const said = output.text !== '' ? output.text : (rawOutput ?? call.result ?? '')
  const edits = Array.isArray(content) ? editsIn(content, charsMax) : []
  return {
    ...call,
    ...(edits.length > 0 ? { edits } : {}),
    toolName: stringOf(title) ?? (call.toolName || (stringOf(kind) ?? '')),
    input:
      rawInput ??
      call.input ??
      (Array.isArray(locations) ? { path: recordOf(locations[0]).path } : undefined),
    status,
    output,
    result: isOver({ status }) ? said : call.result,
  }
}

function statusOf(status: unknown): CallStatus | undefined {
  switch (status) {
    case 'pending':
    case 'in_progress':
      return 'running'
    case 'completed':
      return 'ok'
    case 'failed':
      return 'error'
    default:
      return undefined
  }
}

/** The diffs of a content, as many as fit; `contentText` names all of them. */
function editsIn(content: readonly unknown[], charsMax: number): ShownEdit[] {
  let room = charsMax
  return content.map(recordOf).flatMap(({ type, path, oldText, newText }) => {
    const [name, before, after] = [stringOf(path), stringOf(oldText), stringOf(newText)]
    if (type !== 'diff' || name === null || after === null) return []
    const chars = (before?.length ?? 0) + after.length
    if (chars > room) return []
    room -= chars
    return [{ path: name, before, after }]
  })
}

/** Texts, and the names of what is none: a diff by its path. */
function contentText(content: readonly unknown[]): string {
  return content
    .map(recordOf)
    .map((one) => {
      if (one.type === 'diff') return `(changed ${stringOf(one.path) ?? 'a file'})`
      if (one.type === 'terminal') return '(terminal)'
      return blocksOf([one.content])
        .map(({ text }) => stringOf(text) ?? '')
        .join('\n')
    })
    .filter((text) => text !== '')
    .join('\n')
}

/** A plan of entries, or the list of what is to do that an agent keeps. */
export function phasesOf(entries: readonly unknown[]): PlanPhase[] {
  return entries.map(recordOf).map(({ content, status }, index) => ({
    id: `${index}`,
    name: stringOf(content) ?? '',
    status: phaseStatusOf(status) ?? 'pending',
  }))
}
