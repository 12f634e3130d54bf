/**
 * An execution, or an external run that reports in the same words, as a person sees it: a plan, its phases, and what
 * was thought, said and done in each. Other programs write these events, so an event without the fields it should have
 * changes no more than `head`.
 */
import type { PlanPhase, ToolStatus } from '#executions'
import { isFinal } from '#runs'
import { extend, type ViewBounds } from './bounds.ts'
import {
  add,
  type CallItem,
  type Conversation,
  callNamed,
  change,
  emptyConversation,
  has,
  newCall,
  newNote,
  newText,
  type Place,
  settle,
  takeQuestion,
  textNamed,
} from './items.ts'
import { addEvent, isForeign, takeMessage } from './other-events.ts'
import { advance, newRun, numberOf, type RunPart, recordOf, stringOf, type ViewEvent } from './run.ts'

export interface ExecutionView extends RunPart<'execution' | 'external'>, Conversation {
  readonly task: string | null
  /** Milliseconds since the epoch. */
  readonly startedAt: number | null
  readonly goal: string | null
  /** Those of the plan in its order, then those that began without being planned. */
  readonly phases: readonly PlanPhase[]
  /** The phase that is at work; what names no phase belongs to it. */
  readonly phaseId: string | null
  readonly tokens: Readonly<Record<string, number>> | null
  /** Null where no price is known. */
  readonly costUsd: number | null
  readonly result: unknown
  readonly durationMs: number | null
  /** Why it did not complete: a word that can be looked up. `error` says it for a person. */
  readonly errorCode: string | null
}

export function newExecutionView(kind: 'execution' | 'external', bounds: ViewBounds): ExecutionView {
  return {
    ...newRun(kind, bounds),
    ...emptyConversation,
    task: null,
    startedAt: null,
    goal: null,
    phases: [],
    phaseId: null,
    tokens: null,
    costUsd: null,
    result: undefined,
    durationMs: null,
    errorCode: null,
  }
}

type Data = Record<string, unknown>

export function reduceExecution(before: ExecutionView, event: ViewEvent): ExecutionView {
  const view = advance(before, event)
  const { type, seq } = event
  const data = recordOf(event.data)
  if (isFinal(view.state)) return end(view, type, data)
  switch (type) {
    case 'execution:started':
      return {
        ...view,
        task: stringOf(data.task) ?? view.task,
        startedAt: numberOf(data.startedAt) ?? view.startedAt,
      }
    case 'plan:created':
    case 'plan:updated':
      return takePlan(view, recordOf(data.plan))
    case 'phase:start':
      return startPhase(view, data)
    case 'phase:complete':
      return completePhase(view, data)
    case 'thinking':
      return takeThought(view, data, seq)
    case 'text:delta':
      return takeText(view, data)
    case 'tool:start':
      return startCall(view, data, seq)
    case 'tool:output':
      return takeOutput(view, data, seq)
    case 'tool:complete':
      return completeCall(view, data, seq)
    case 'usage':
      return takeUsage(view, data)
    case 'model:retry':
      return add(view, newNote(`${seq}`, retryText(data)), view.bounds)
    case 'context:compacted':
      return add(view, newNote(`${seq}`, 'The conversation was shortened'), view.bounds)
    default:
      // Types without a namespace are those of external producers.
      if (isForeign(type) || !type.includes(':')) return addEvent(view, event, view.bounds)
      return takeMessage(takeQuestion(view, event), event, view.bounds)
  }
}

function retryText({ error, attempt, attemptsMax }: Data): string {
  const why = stringOf(error) === null ? '' : ` (${error})`
  return `The model's API failed${why}; attempt ${numberOf(attempt) ?? '?'} of ${numberOf(attemptsMax) ?? '?'}`
}

/** A phase that began and is missing from the new plan stays: it has happened. */
function takePlan(view: ExecutionView, plan: Data): ExecutionView {
  if (!Array.isArray(plan.phases)) return view
  const { itemsMax } = view.bounds
  // A phase that is named twice is one phase, or its place would have two keys on a page.
  const planned = new Map<string, PlanPhase>()
  for (const value of plan.phases) {
    const phase = phaseOf(value)
    if (phase !== null && planned.size < itemsMax && !planned.has(phase.id)) planned.set(phase.id, phase)
  }
  const known = new Map(view.phases.map((phase) => [phase.id, phase]))
  const begun = view.phases.filter(({ id, status }) => status !== 'pending' && !planned.has(id))
  return {
    ...view,
    goal: stringOf(plan.goal) ?? view.goal,
    phases: [...planned.values()]
      .map((phase) => laterOf(known.get(phase.id), phase))
      .concat(begun)
      .slice(0, itemsMax),
  }
}

function phaseOf(value: unknown): PlanPhase | null {
  const { id, name, status } = recordOf(value)
  if (typeof id !== 'string') return null
  return { id, name: stringOf(name) ?? id, status: isPhaseStatus(status) ? status : 'pending' }
}

function isPhaseStatus(value: unknown): value is PlanPhase['status'] {
  return value === 'pending' || value === 'active' || value === 'complete' || value === 'incomplete'
}

/** A plan that lags behind does not undo what a phase went through. */
function laterOf(known: PlanPhase | undefined, planned: PlanPhase): PlanPhase {
  return known === undefined || known.status === 'pending' ? planned : { ...planned, status: known.status }
}

function startPhase(view: ExecutionView, { phaseId: id, phaseName }: Data): ExecutionView {
  if (typeof id !== 'string') return view
  return { ...withPhase(view, { id, name: stringOf(phaseName) ?? id, status: 'active' }), phaseId: id }
}

function completePhase(view: ExecutionView, { phaseId: id, phaseName, status }: Data): ExecutionView {
  if (typeof id !== 'string') return view
  const phase: PlanPhase = {
    id,
    name: stringOf(phaseName) ?? id,
    status: status === 'incomplete' ? 'incomplete' : 'complete',
  }
  return { ...withPhase(view, phase), phaseId: view.phaseId === id ? null : view.phaseId }
}

function withPhase(view: ExecutionView, phase: PlanPhase): ExecutionView {
  const index = view.phases.findIndex(({ id }) => id === phase.id)
  if (index >= 0) return { ...view, phases: view.phases.with(index, phase) }
  return view.phases.length < view.bounds.itemsMax ? { ...view, phases: [...view.phases, phase] } : view
}

function placeOf(view: ExecutionView, { phaseId, parentToolCallId }: Data): Place {
  return { phaseId: stringOf(phaseId) ?? view.phaseId, parentToolCallId: stringOf(parentToolCallId) }
}

function takeThought(view: ExecutionView, data: Data, seq: number): ExecutionView {
  const thought = stringOf(data.thought)
  if (thought === null) return view
  const { bounds } = view
  const text = newText('thinking', `${seq}`, thought, { place: placeOf(view, data), bounds })
  const iteration = numberOf(data.iteration)
  return add(view, iteration === null ? text : { ...text, iteration }, bounds)
}

/** Deltas of one message make one text, whatever happens between them. */
function takeText(view: ExecutionView, data: Data): ExecutionView {
  const [messageId, text] = [stringOf(data.messageId), stringOf(data.text)]
  if (messageId === null || text === null) return view
  const { bounds } = view
  const key = `message:${messageId}`
  if (has(view, textNamed(key))) {
    return change(view, textNamed(key), (item) => ({ ...item, ...extend(item, text, bounds.textCharsMax) }))
  }
  return add(view, newText('text', key, text, { place: placeOf(view, data), isOpen: true, bounds }), bounds)
}

function startCall(view: ExecutionView, data: Data, seq: number): ExecutionView {
  const id = stringOf(data.toolCallId)
  if (id === null) return view
  const [toolName, input] = [stringOf(data.toolName) ?? '', data.params]
  if (has(view, callNamed(id))) {
    // Some agents announce a call before they know its input, and again when they do.
    return change(view, callNamed(id), (call) => ({ ...call, toolName, input }))
  }
  return add(view, newCall(`${seq}`, id, { toolName, input, place: placeOf(view, data) }), view.bounds)
}

function takeOutput(view: ExecutionView, data: Data, seq: number): ExecutionView {
  const text = stringOf(data.text)
  if (text === null) return view
  const { textCharsMax } = view.bounds
  return changeCall(view, data, seq, (call) => ({ ...call, output: extend(call.output, text, textCharsMax) }))
}

function completeCall(view: ExecutionView, data: Data, seq: number): ExecutionView {
  return changeCall(view, data, seq, (call) => ({
    ...call,
    toolName: stringOf(data.toolName) ?? call.toolName,
    result: data.result,
    durationMs: numberOf(data.duration),
    status: isToolStatus(data.status) ? data.status : 'ok',
  }))
}

function isToolStatus(value: unknown): value is ToolStatus {
  return value === 'ok' || value === 'error' || value === 'denied' || value === 'cancelled'
}

/** Changes a call. One whose beginning is no longer in the log or in the view is added. */
function changeCall(
  view: ExecutionView,
  data: Data,
  seq: number,
  changed: (call: CallItem) => CallItem,
): ExecutionView {
  const id = stringOf(data.toolCallId)
  if (id === null) return view
  if (has(view, callNamed(id))) return change(view, callNamed(id), changed)
  return add(view, changed(newCall(`${seq}`, id, { place: placeOf(view, data) })), view.bounds)
}

function takeUsage(view: ExecutionView, { tokens, costUsd }: Data): ExecutionView {
  const counts = Object.entries(recordOf(tokens)).filter(
    (entry): entry is [string, number] => numberOf(entry[1]) !== null,
  )
  return { ...view, tokens: Object.fromEntries(counts), costUsd: numberOf(costUsd) }
}

function end(view: ExecutionView, type: string, { result, duration, code }: Data): ExecutionView {
  const phases = view.phases.map(
    (phase): PlanPhase => (phase.status === 'active' ? { ...phase, status: 'incomplete' } : phase),
  )
  const over = { ...settle(view), phases, phaseId: null }
  if (type === 'execution:error') return { ...over, errorCode: stringOf(code) }
  return type === 'execution:complete' ? { ...over, result, durationMs: numberOf(duration) } : over
}
