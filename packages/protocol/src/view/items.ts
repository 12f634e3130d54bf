/**
 * What an agent said and did, in order: the items that the views of sessions and of executions have in common, and
 * the questions that are open.
 */
import { type PermissionRequestedEvent, type PermissionResolvedEvent, permissionTypes } from '#sessions'
import { type BoundedText, emptyText, extend, type ViewBounds } from './bounds.ts'
import {
  append,
  emptyList,
  indexOfNamed,
  itemAt,
  type List,
  mapItems,
  type Places,
  replaceAt,
} from './list.ts'
import { recordOf, stringOf, type ViewEvent } from './run.ts'

/** Where an item belongs, as far as that is known. */
export interface Place {
  readonly phaseId: string | null
  /** The call whose subagent did this. */
  readonly parentToolCallId: string | null
}

export const noPlace: Place = { phaseId: null, parentToolCallId: null }

export interface TextItem extends BoundedText, Place {
  readonly kind: 'text' | 'thinking'
  /** The same for as long as the item exists, and unique in its view. */
  readonly key: string
  /** More of it may follow. */
  readonly isOpen: boolean
  /** In which of the agent's iterations it was thought, where the execution says so. */
  readonly iteration?: number
}

/** `asked`: people were asked for it, and nobody has answered. `cancelled`: the run ended first. */
export type CallStatus = 'running' | 'asked' | 'ok' | 'error' | 'denied' | 'cancelled'

export interface CallItem extends Place {
  readonly kind: 'call'
  readonly key: string
  readonly toolCallId: string
  /** Empty where the log no longer has the beginning of the call. */
  readonly toolName: string
  readonly input: unknown
  readonly status: CallStatus
  /** What it printed while it ran. */
  readonly output: BoundedText
  /** A session's result is a text; an execution's is any JSON value. Undefined while it runs. */
  readonly result: unknown
  readonly durationMs: number | null
  /** Files that it changes, where the agent itself shows them so; absent otherwise. */
  readonly edits?: readonly ShownEdit[]
}

/** A file before and after a change; a long one may be only the part around the change. */
export interface ShownEdit {
  readonly path: string
  /** Null: the file is new. */
  readonly before: string | null
  readonly after: string
}

export interface NoteItem extends Place {
  readonly kind: 'note'
  readonly key: string
  readonly isError: boolean
  readonly text: string
}

/** What a person said to the agent while it was at work. */
export interface MessageItem extends Place {
  readonly kind: 'message'
  readonly key: string
  readonly messageId: string
  readonly text: string
  /** Name of the user who sent it; null where it is not known. */
  readonly user: string | null
  readonly status: 'waiting' | 'delivered' | 'withdrawn'
}

/** An event of a type that the view has no words for: of another program, or of a newer server. */
export interface EventItem extends Place {
  readonly kind: 'event'
  readonly key: string
  readonly type: string
  /** Undefined where it is longer than a text may be. */
  readonly data: unknown
}

export type Item = TextItem | CallItem | NoteItem | MessageItem | EventItem

/** A question to people that nobody has answered yet. */
export type OpenApproval = PermissionRequestedEvent

export interface Conversation {
  readonly items: List<Item>
  readonly approvals: readonly OpenApproval[]
}

export const emptyConversation: Conversation = { items: emptyList, approvals: [] }

export function add<C extends Conversation>(into: C, item: Item, { itemsMax }: ViewBounds): C {
  return { ...into, items: append<Item>(into.items, item, itemsMax) }
}

export function change<C extends Conversation, I extends Item>(
  into: C,
  name: ItemName<I>,
  changed: (item: I) => Item,
): C {
  const index = indexOfNamed(into.items, name, nameOfItem, places)
  if (index < 0) return into
  return { ...into, items: replaceAt(into.items, index, changed(itemAt(into.items, index) as I)) }
}

/** By what events point to an item of a kind. */
export type ItemName<I extends Item> = string & { readonly of?: I }

const places: Places<Item> = new WeakMap()

function nameOfItem(item: Item): string | null {
  switch (item.kind) {
    case 'call':
      return callNamed(item.toolCallId)
    case 'text':
    case 'thinking':
      return textNamed(item.key)
    case 'message':
      return messageNamed(item.messageId)
    case 'note':
    case 'event':
      return null
    default:
      return item satisfies never
  }
}

export function callNamed(toolCallId: string): ItemName<CallItem> {
  return `call ${toolCallId}`
}

export function textNamed(key: string): ItemName<TextItem> {
  return `text ${key}`
}

export function messageNamed(messageId: string): ItemName<MessageItem> {
  return `message ${messageId}`
}

export function isTextItem(item: Item): item is TextItem {
  return item.kind === 'text' || item.kind === 'thinking'
}

export function has(into: Conversation, name: ItemName<Item>): boolean {
  return indexOfNamed(into.items, name, nameOfItem, places) >= 0
}

export function newText(
  kind: TextItem['kind'],
  key: string,
  text: string,
  more: { place?: Place; isOpen?: boolean; bounds: ViewBounds },
): TextItem {
  const { place = noPlace, isOpen = false, bounds } = more
  return { kind, key, isOpen, ...place, ...extend(emptyText, text, bounds.textCharsMax) }
}

export function newCall(
  key: string,
  toolCallId: string,
  more: { toolName?: string; input?: unknown; place?: Place },
): CallItem {
  const { toolName = '', input, place = noPlace } = more
  return {
    kind: 'call',
    key,
    toolCallId,
    toolName,
    input,
    status: 'running',
    output: emptyText,
    result: undefined,
    durationMs: null,
    ...place,
  }
}

export function newNote(key: string, text: string, isError = false): NoteItem {
  return { kind: 'note', key, text, isError, ...noPlace }
}

/** Takes a question to people and its answer; any other event changes nothing. */
export function takeQuestion<C extends Conversation>(into: C, { type, data }: ViewEvent): C {
  const { approvalId } = recordOf(data)
  if (stringOf(approvalId) === null) return into
  if (type === permissionTypes.requested) return asked(into, data as PermissionRequestedEvent)
  return type === permissionTypes.resolved ? answered(into, data as PermissionResolvedEvent) : into
}

function asked<C extends Conversation>(into: C, question: OpenApproval): C {
  const approvals = [...into.approvals, question]
  return withStatus({ ...into, approvals }, question.toolUseId, 'running', 'asked')
}

/** Also takes a call back to `running`: that it was denied is known from its result. */
function answered<C extends Conversation>(into: C, { approvalId }: PermissionResolvedEvent): C {
  const question = into.approvals.find((one) => one.approvalId === approvalId)
  if (question === undefined) return into
  const approvals = into.approvals.filter((one) => one !== question)
  return withStatus({ ...into, approvals }, question.toolUseId, 'asked', 'running')
}

function withStatus<C extends Conversation>(into: C, id: string, from: CallStatus, to: CallStatus): C {
  return change(into, callNamed(id), (call) => (call.status === from ? { ...call, status: to } : call))
}

/** Nothing grows, runs or is asked after the end of a run. */
export function settle<C extends Conversation>(into: C): C {
  const items = mapItems(into.items, (item): Item => {
    if (item.kind === 'call') return isOver(item) ? item : { ...item, status: 'cancelled' }
    return isTextItem(item) && item.isOpen ? { ...item, isOpen: false } : item
  })
  return { ...into, items, approvals: [] }
}

export function isOver({ status }: Pick<CallItem, 'status'>): boolean {
  return status !== 'running' && status !== 'asked'
}
