/**
 * The execution that a page is about, as a zustand store.
 *
 * Owns the subscriptions; the events come from the same sources as those of the hooks. Invariants: the subscription
 * made last is the current one, and the one before it becomes current again when it ends; an array that no event
 * changed is the same array as before, so that selectors render only what is new.
 */
import type { Client } from '@millrace/client'
import type { ExecutionEvents, Plan, PlanPhase } from '@millrace/protocol'
import { isFinal } from '@millrace/protocol'
import {
  applyEvent,
  type CallItem,
  type ExecutionView,
  type Item,
  itemsOf,
  newView,
  type OpenApproval,
  type TextItem,
} from '@millrace/protocol/view'
import { create } from 'zustand'
import { pageSources } from '#provider'
import { type ConnectionStatus, idleSnapshot, type RunSnapshot } from '#sources/run-source'
import { type RunSources, sourcesOf } from '#sources/run-sources'

export interface CurrentExecution extends ExecutionView {
  /** Null when its events were handed in by `handle…` alone. */
  readonly id: string | null
}

export interface ThinkingStep {
  readonly key: string
  readonly thought: string
  /** Null where the execution does not count them. */
  readonly iteration: number | null
  readonly phaseId: string | null
}

export interface AgentValues {
  /** The whole view. Null before anything is subscribed to or handed in, and after the last subscription. */
  readonly currentExecution: CurrentExecution | null
  readonly plan: Plan | null
  readonly phases: readonly PlanPhase[]
  /** The phase at work. */
  readonly currentPhase: PlanPhase | null
  readonly thinkingSteps: readonly ThinkingStep[]
  readonly toolCalls: readonly CallItem[]
  /** Thoughts, texts, calls and notes in their order. */
  readonly items: readonly Item[]
  /** Questions to people that nobody has answered yet; `useApprovals` answers them. */
  readonly approvals: readonly OpenApproval[]
  readonly isExecuting: boolean
  readonly connectionStatus: ConnectionStatus
  /** Why the execution did not complete, or why it can no longer be followed. */
  readonly error: string | null
}

type Handle<Type extends keyof ExecutionEvents> = (data: ExecutionEvents[Type]) => void

export interface AgentActions {
  /**
   * Follows an execution and shows it, through the page's first provider unless another client is given. Returns what
   * ends exactly this subscription.
   */
  subscribeToExecution(executionId: string, client?: Client): () => void
  /** Ends the last subscription to this execution; without an id, the last one of all. */
  unsubscribeFromExecution(executionId?: string): void
  /** After `failed`: tries again from the last event. */
  retry(): void
  /**
   * These take an event in by hand: from a transport of your own, in a story, or in a test. While an execution is
   * subscribed to, what its log says replaces them.
   */
  handleExecutionStarted: (data: ExecutionEvents['execution:started'] & { executionId?: string }) => void
  handlePlanCreated: Handle<'plan:created'>
  handlePhaseStart: Handle<'phase:start'>
  handleThinking: Handle<'thinking'>
  handleToolStart: Handle<'tool:start'>
  handleToolComplete: Handle<'tool:complete'>
  handlePhaseComplete: Handle<'phase:complete'>
  handleExecutionComplete: Handle<'execution:complete'>
  handleExecutionError: Handle<'execution:error'>
}

export type AgentState = AgentValues & AgentActions

interface Subscription {
  executionId: string
  sources: RunSources
  leave: () => void
}

const idle: AgentValues = {
  currentExecution: null,
  plan: null,
  phases: [],
  currentPhase: null,
  thinkingSteps: [],
  toolCalls: [],
  items: [],
  approvals: [],
  isExecuting: false,
  connectionStatus: 'idle',
  error: null,
}

const subscriptions: Subscription[] = []

/** The client that follows the execution that is shown. Null while nothing is subscribed to. */
export function currentClient(): Client | null {
  return subscriptions.at(-1)?.sources.client ?? null
}

/** One store for the page, whatever the number of components; `useRun` shows several executions at a time. */
export const useAgentStore = create<AgentState>()((set, get) => {
  const show = (id: string | null, snapshot: RunSnapshot) => set(valuesOf(get(), id, snapshot))
  const showCurrent = () => {
    const current = subscriptions.at(-1)
    if (current === undefined) return set(idle)
    show(current.executionId, current.sources.snapshot(current.executionId))
  }
  const end = (subscription: Subscription | undefined) => {
    const index = subscription === undefined ? -1 : subscriptions.indexOf(subscription)
    if (index < 0) return
    subscriptions.splice(index, 1)
    subscription?.leave()
    // Later, as for the source itself: an effect that leaves and comes back shows nothing in between.
    queueMicrotask(showCurrent)
  }
  const handle =
    <Type extends keyof ExecutionEvents>(type: Type): Handle<Type> =>
    (data) => {
      const { currentExecution, connectionStatus } = get()
      const before = currentExecution ?? newView('execution')
      const view = applyEvent<ExecutionView>(before, { seq: before.head + 1, type, data })
      show(currentExecution?.id ?? null, { ...idleSnapshot, view, status: connectionStatus })
    }

  return {
    ...idle,
    subscribeToExecution: (executionId, client) => {
      const sources = client === undefined ? pageSources() : sourcesOf(client)
      const notify = () => {
        if (subscriptions.at(-1) === subscription) showCurrent()
      }
      const leave = sources.subscribe(executionId, notify, { kind: 'execution' })
      const subscription: Subscription = { executionId, sources, leave }
      subscriptions.push(subscription)
      showCurrent()
      return () => end(subscription)
    },
    unsubscribeFromExecution: (executionId) =>
      end(subscriptions.findLast((one) => executionId === undefined || one.executionId === executionId)),
    retry: () => {
      const current = subscriptions.at(-1)
      current?.sources.retry(current.executionId)
    },
    handleExecutionStarted: ({ executionId, ...data }) => {
      if (executionId !== undefined && executionId !== get().currentExecution?.id)
        show(executionId, { ...idleSnapshot, view: unseen, status: get().connectionStatus })
      handle('execution:started')(data)
    },
    handlePlanCreated: handle('plan:created'),
    handlePhaseStart: handle('phase:start'),
    handleThinking: handle('thinking'),
    handleToolStart: handle('tool:start'),
    handleToolComplete: handle('tool:complete'),
    handlePhaseComplete: handle('phase:complete'),
    handleExecutionComplete: handle('execution:complete'),
    handleExecutionError: handle('execution:error'),
  }
})

function valuesOf(before: AgentValues, id: string | null, snapshot: RunSnapshot): AgentValues {
  const view = executionIn(snapshot)
  const items = [...itemsOf(view.items)]
  const { phases, goal, phaseId } = view
  const hasFailed = snapshot.status === 'failed'
  return {
    currentExecution: { ...view, id },
    plan:
      goal === null
        ? null
        : before.plan?.goal === goal && before.phases === phases
          ? before.plan
          : { goal, phases: [...phases] },
    phases,
    currentPhase: phases.find((phase) => phase.id === phaseId) ?? null,
    thinkingSteps: kept(before.thinkingSteps, items.filter(isThought).map(stepOf)),
    toolCalls: kept(
      before.toolCalls,
      items.filter((item) => item.kind === 'call'),
    ),
    items: kept(before.items, items),
    approvals: view.approvals,
    isExecuting: !isFinal(view.state) && !hasFailed && !isOther(snapshot),
    connectionStatus: snapshot.status,
    error: view.error ?? errorOf(id, snapshot),
  }
}

function errorOf(id: string | null, { view, status, error }: RunSnapshot): string | null {
  if (isOther({ view })) return `The run ${id} is a ${view?.kind}, not an execution`
  return status === 'failed' ? (error?.message ?? null) : null
}

/** A run of a kind that has nothing to show here. */
function isOther({ view }: Pick<RunSnapshot, 'view'>): boolean {
  return view?.kind === 'job' || view?.kind === 'session'
}

const unseen = newView('execution')

function executionIn({ view }: RunSnapshot): ExecutionView {
  return view === null || view.kind === 'job' || view.kind === 'session' ? unseen : view
}

function isThought(item: Item): item is TextItem {
  return item.kind === 'thinking'
}

const steps = new WeakMap<TextItem, ThinkingStep>()

/** The same step for the same item. */
function stepOf(item: TextItem): ThinkingStep {
  let step = steps.get(item)
  if (step === undefined) {
    step = { key: item.key, thought: item.text, iteration: item.iteration ?? null, phaseId: item.phaseId }
    steps.set(item, step)
  }
  return step
}

/** The array from before, if it has the same members. */
function kept<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return before.length === now.length && now.every((one, index) => one === before[index]) ? before : now
}
