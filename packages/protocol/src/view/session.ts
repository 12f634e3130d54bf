/**
 * An agent session as a person sees it.
 *
 * A text comes twice: as deltas while the model writes, and whole when its block is done. The whole one replaces what
 * was streamed. When the model was asked again in the middle of an answer, what was streamed of the first answer stays.
 */

import { parkingTypes } from '#events'
import type { PlanPhase } from '#executions'
import { idleType, messageTypes } from '#messages'
import { isFinal } from '#runs'
import { type PermissionResolvedEvent, permissionTypes } from '#sessions'
import { acpPrefix, phasesOf, reduceAcp } from './acp.ts'
import { type BoundedText, emptyText, extend, type ViewBounds } from './bounds.ts'
import {
  add,
  type Conversation,
  callNamed,
  change,
  emptyConversation,
  type NoteItem,
  newCall,
  newNote,
  newText,
  noPlace,
  type Place,
  settle,
  type TextItem,
  takeQuestion,
  textNamed,
} from './items.ts'
import { addEvent, isForeign, takeMessage } from './other-events.ts'
import { advance, newRun, numberOf, type RunPart, recordOf, stringOf, type ViewEvent } from './run.ts'
import { type Block, blocksOf, phasesAfter, textOf } from './session-messages.ts'
import { answeredBy, isPutOff, resultFacts } from './words.ts'

interface Streamed {
  readonly kind: TextItem['kind']
  /** Of its item; null before its first character. */
  readonly key: string | null
}

export interface SessionView extends RunPart<'session'>, Conversation {
  /** The model that answered last. */
  readonly model: string | null
  /** Where the agent works. Paths inside are shown relative to it. */
  readonly cwd: string | null
  readonly turns: number | null
  /** Null where it is not known. */
  readonly costUsd: number | null
  /** What the agent has planned, where it keeps a plan. */
  readonly phases: readonly PlanPhase[]
  /** Its turn is over, and it waits for a message until then. Milliseconds since the epoch; null while it works. */
  readonly idleUntil: number | null
  /** Texts of the answer that is being written and have not come whole. */
  readonly streamed: readonly Streamed[]
}

export function newSessionView(bounds: ViewBounds): SessionView {
  const nothing = { model: null, cwd: null, turns: null, costUsd: null, idleUntil: null }
  return { ...newRun('session', bounds), ...emptyConversation, ...nothing, phases: [], streamed: [] }
}

export function reduceSession(before: SessionView, event: ViewEvent): SessionView {
  const view = advance(before, event)
  const { type, seq } = event
  const data = recordOf(event.data)
  if (isFinal(view.state)) return { ...settle(view), streamed: [], idleUntil: null }
  switch (type) {
    case 'system':
      return takeSystem(view, data, seq)
    case 'stream_event':
      return stringOf(data.parent_tool_use_id) === null ? takeDelta(view, recordOf(data.event), seq) : view
    case 'assistant':
      return takeAnswer(view, data, seq)
    case 'user':
      return takeResults(view, data, seq)
    case 'result':
      return takeResult(view, data, seq)
    case permissionTypes.resolved: {
      const note = answerOfPerson(view, data as unknown as PermissionResolvedEvent, seq)
      return add(takeQuestion(view, event), note, view.bounds)
    }
    case permissionTypes.denied: {
      const [tool, reason] = [stringOf(data.tool) ?? 'A call', stringOf(data.reason) ?? 'no reason was given']
      return add(view, newNote(`${seq}`, `${tool} was denied by the policy: ${reason}`, true), view.bounds)
    }
    case idleType:
      return { ...view, idleUntil: numberOf(data.until) }
    case messageTypes.queued:
    case messageTypes.delivered:
      return takeMessage({ ...view, idleUntil: null }, event, view.bounds)
    case parkingTypes.parked:
      return add(
        view,
        newNote(`${seq}`, 'Its process has ended; it starts again with the answer'),
        view.bounds,
      )
    default:
      if (type === 'acp:session') return { ...view, cwd: stringOf(data.cwd) ?? view.cwd }
      if (type.startsWith(acpPrefix)) return reduceAcp(view, event)
      if (isForeign(type)) return addEvent(view, event, view.bounds)
      return takeMessage(takeQuestion(view, event), event, view.bounds)
  }
}

function takeSystem(view: SessionView, data: Record<string, unknown>, seq: number): SessionView {
  switch (data.subtype) {
    case 'init':
      return { ...view, cwd: stringOf(data.cwd) ?? view.cwd }
    case 'api_retry': {
      const [error, most] = [stringOf(data.error), numberOf(data.max_retries)]
      const why = error === null ? '' : ` (${error})`
      const of = most === null ? '' : ` of ${most}`
      const text = `The model's API failed${why}; attempt ${numberOf(data.attempt) ?? '?'}${of}`
      return add(view, newNote(`${seq}`, text), view.bounds)
    }
    case 'compact_boundary':
      return add(view, newNote(`${seq}`, 'The conversation was summarized'), view.bounds)
    default:
      return view
  }
}

function takeDelta(view: SessionView, event: Record<string, unknown>, seq: number): SessionView {
  if (event.type === 'message_start') {
    const closed = view.streamed.reduce((into, { key }) => (key === null ? into : close(into, key)), view)
    return { ...named(closed, recordOf(event.message).model), streamed: [] }
  }
  if (event.type === 'content_block_start') {
    const { type } = recordOf(event.content_block)
    if (type !== 'text' && type !== 'thinking') return view
    return { ...view, streamed: [...view.streamed, { kind: type, key: null }] }
  }
  const last = view.streamed.at(-1)
  if (event.type !== 'content_block_delta' || last === undefined) return view
  const added = stringOf(recordOf(event.delta)[last.kind])
  if (added === null || added === '') return view
  const { bounds } = view
  if (last.key !== null) {
    return change(view, textNamed(last.key), (item) => ({
      ...item,
      ...extend(item, added, bounds.textCharsMax),
    }))
  }
  const key = `${seq}`
  const streamed = view.streamed.with(-1, { kind: last.kind, key })
  return add({ ...view, streamed }, newText(last.kind, key, added, { isOpen: true, bounds }), bounds)
}

function close(view: SessionView, key: string): SessionView {
  return change(view, textNamed(key), (item) => ({ ...item, isOpen: false }))
}

function takeAnswer(view: SessionView, data: Record<string, unknown>, seq: number): SessionView {
  const parent = stringOf(data.parent_tool_use_id)
  const place: Place = { phaseId: null, parentToolCallId: parent }
  const message = recordOf(data.message)
  let after = parent === null ? named(view, message.model) : view
  for (const [index, block] of blocksOf(message.content).entries()) {
    after = takeBlock(after, block, `${seq}.${index}`, place)
  }
  return after
}

function takeBlock(view: SessionView, block: Block, key: string, place: Place): SessionView {
  const { type } = block
  if (type === 'text' || type === 'thinking')
    return takeWhole(view, type, stringOf(block[type]) ?? '', key, place)
  if (type !== 'tool_use') return view
  const call = newCall(key, stringOf(block.id) ?? key, {
    toolName: stringOf(block.name) ?? '',
    input: block.input,
    place,
  })
  const isPlan = call.toolName === 'TodoWrite' && place.parentToolCallId === null
  const { todos } = recordOf(block.input)
  return add(isPlan && Array.isArray(todos) ? { ...view, phases: phasesOf(todos) } : view, call, view.bounds)
}

function takeWhole(
  view: SessionView,
  kind: TextItem['kind'],
  text: string,
  key: string,
  place: Place,
): SessionView {
  const { bounds } = view
  // The text of a subagent is never streamed.
  const index = place.parentToolCallId === null ? view.streamed.findIndex((one) => one.kind === kind) : -1
  const known = view.streamed[index]?.key ?? null
  const after = index < 0 ? view : { ...view, streamed: view.streamed.slice(index + 1) }
  if (known !== null) {
    const whole: BoundedText = extend(emptyText, text, bounds.textCharsMax)
    return change(after, textNamed(known), (item) => ({ ...item, ...whole, isOpen: false }))
  }
  return text === '' ? after : add(after, newText(kind, key, text, { place, bounds }), bounds)
}

function takeResults(view: SessionView, data: Record<string, unknown>, seq: number): SessionView {
  const place: Place = { ...noPlace, parentToolCallId: stringOf(data.parent_tool_use_id) }
  let after = view
  for (const [index, block] of blocksOf(recordOf(data.message).content).entries()) {
    const id = stringOf(block.tool_use_id)
    if (block.type !== 'tool_result' || id === null) continue
    const { text, cutChars } = extend(emptyText, textOf(block.content), view.bounds.textCharsMax)
    const result = cutChars === 0 ? text : `${text}\n… ${cutChars} more characters are in the log`
    const status = block.is_error === true ? 'error' : 'ok'
    const known = after.items
    let { phases } = after
    after = change(after, callNamed(id), (call) => {
      const over = { ...call, status, result } as const
      phases = phasesAfter(phases, over)
      return over
    })
    if (phases !== after.phases) after = { ...after, phases }
    if (after.items !== known) continue
    // The log no longer has the call.
    after = add(after, { ...newCall(`${seq}.${index}`, id, { place }), status, result }, view.bounds)
  }
  return after
}

function takeResult(view: SessionView, data: Record<string, unknown>, seq: number): SessionView {
  if (isPutOff(data)) return view
  const { failed, why, facts } = resultFacts(data)
  return add(
    {
      ...view,
      turns: numberOf(data.num_turns) ?? view.turns,
      costUsd: numberOf(data.total_cost_usd) ?? view.costUsd,
    },
    newNote(`${seq}`, [...why, ...facts].join(' · '), failed),
    view.bounds,
  )
}

function answerOfPerson(view: SessionView, data: PermissionResolvedEvent, seq: number): NoteItem {
  const what = view.approvals.find(({ approvalId }) => approvalId === data.approvalId)?.tool ?? 'a call'
  const verb = data.decision === 'allow' ? 'Allowed' : 'Denied'
  const message = stringOf(data.message) ?? ''
  const added = message === '' ? '' : `\n${message}`
  return newNote(`${seq}`, `${verb} ${answeredBy(data)}: ${what}${added}`, data.decision === 'deny')
}

/** `<synthetic>` is the SDK itself. */
function named(view: SessionView, model: unknown): SessionView {
  const name = stringOf(model)
  return name === null || name.startsWith('<') ? view : { ...view, model: name }
}
