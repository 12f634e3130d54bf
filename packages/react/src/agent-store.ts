/**
 * The state of one execution as a zustand store, for views that take it apart by selectors.
 *
 * Owns: the subscriptions of the components that asked for an execution. The one that asked last is shown.
 * Invariant: `currentExecution` is the view of the run that is shown, as of the last frame.
 */
import type { FollowStatus } from '@millrace/client'
import { type ExecutionEvents, isFinal } from '@millrace/protocol'
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
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { Sources } from './sources.ts'

/** An execution, or an external run that reports in the same words. */
export type Execution = ExecutionView & { readonly id: string }

export interface AgentState {
  currentExecution: Execution | null
  /** What the agent thought, oldest first. */
  thinkingSteps: readonly TextItem[]
  toolCalls: readonly CallItem[]
  /** Questions to people that are open. */
  approvals: readonly OpenApproval[]
  /** From its start until its end is known. */
  isExecuting: boolean
  connectionStatus: FollowStatus | 'idle'
  /** Why the execution did not complete, or why it cannot be followed. */
  error: string | null
  /** Follows an execution and shows it. Returns what ends the subscription. */
  subscribeToExecution(executionId: string): () => void
  /** Ends the latest subscription of this id; without an id, all. What was shown stays. */
  unsubscribeFromExecution(executionId?: string): void
  /** After `failed`: tries again from where it was. */
  retry(): void
  /** Takes in one event by hand, for applications with a transport of their own. */
  handleExecutionStarted(data: ExecutionEvents['execution:started'] & { executionId?: string }): void
  handlePlanCreated(data: ExecutionEvents['plan:created']): void
  handlePhaseStart(data: ExecutionEvents['phase:start']): void
  handlePhaseComplete(data: ExecutionEvents['phase:complete']): void
  handleThinking(data: ExecutionEvents['thinking']): void
  handleToolStart(data: ExecutionEvents['tool:start']): void
  handleToolComplete(data: ExecutionEvents['tool:complete']): void
  handleExecutionComplete(data: ExecutionEvents['execution:complete']): void
  handleExecutionError(data: ExecutionEvents['execution:error']): void
}

export type AgentStore = StoreApi<AgentState>

const nothing = {
  currentExecution: null,
  thinkingSteps: [],
  toolCalls: [],
  approvals: [],
  isExecuting: false,
  connectionStatus: 'idle',
  error: null,
} satisfies Partial<AgentState>

export function createAgentStore(sources: Sources): AgentStore {
  /** Who asked for an execution and has not left, in order. */
  const holders: string[] = []
  let shown: { id: string; leave: () => void } | null = null

  return createStore<AgentState>()((set, get) => {
    const handle =
      <Type extends keyof ExecutionEvents>(type: Type) =>
      (data: ExecutionEvents[Type]) =>
        set((state) => withEvent(state, type, data))

    function show(id: string | undefined): void {
      if (id === shown?.id) return
      shown?.leave()
      shown = null
      if (id === undefined) {
        set({ connectionStatus: 'idle' })
        return
      }
      set({ ...nothing, connectionStatus: 'connecting', isExecuting: true })
      const take = () => set(stateOf(id, sources, get()))
      shown = { id, leave: sources.subscribe(id, take) }
      // Another component may have followed it already.
      take()
    }

    return {
      ...nothing,
      subscribeToExecution(id) {
        holders.push(id)
        show(id)
        let isHeld = true
        return () => {
          if (isHeld) get().unsubscribeFromExecution(id)
          isHeld = false
        }
      },
      unsubscribeFromExecution(id) {
        if (id === undefined) holders.length = 0
        else {
          const index = holders.lastIndexOf(id)
          if (index < 0) return
          holders.splice(index, 1)
        }
        // In the same tick another component, or the same one mounted again, may ask for it.
        queueMicrotask(() => show(holders.at(-1)))
      },
      retry() {
        if (shown !== null) sources.retry(shown.id)
      },
      handleExecutionStarted(data) {
        const id = data.executionId ?? get().currentExecution?.id ?? ''
        set({ ...nothing, currentExecution: { ...newView('execution'), id } })
        set((state) => withEvent(state, 'execution:started', data))
      },
      handlePlanCreated: handle('plan:created'),
      handlePhaseStart: handle('phase:start'),
      handlePhaseComplete: handle('phase:complete'),
      handleThinking: handle('thinking'),
      handleToolStart: handle('tool:start'),
      handleToolComplete: handle('tool:complete'),
      handleExecutionComplete: handle('execution:complete'),
      handleExecutionError: handle('execution:error'),
    }
  })
}

function stateOf(id: string, sources: Sources, before: AgentState): Partial<AgentState> {
  const { view, status, error } = sources.snapshot(id)
  const connection = { connectionStatus: status, error: error?.message ?? null }
  if (view === null) return { ...connection, isExecuting: status !== 'failed' && status !== 'closed' }
  if (view.kind !== 'execution' && view.kind !== 'external') {
    return {
      ...nothing,
      connectionStatus: status,
      error: `The run ${id} is a ${view.kind}, not an execution`,
    }
  }
  return { ...shownOf({ ...view, id }, before), ...connection, error: error?.message ?? view.error }
}

function withEvent(before: AgentState, type: string, data: unknown): Partial<AgentState> {
  const execution = before.currentExecution ?? { ...newView('execution'), id: '' }
  const next = applyEvent<ExecutionView>(execution, { seq: execution.head + 1, type, data })
  return { ...shownOf({ ...next, id: execution.id }, before), error: next.error }
}

/** Lists that did not change stay the same arrays, so that what shows them does not render. */
function shownOf(execution: Execution, before: AgentState): Partial<AgentState> {
  const isExecuting = !isFinal(execution.state)
  const { approvals } = execution
  if (execution.items === before.currentExecution?.items && execution.id === before.currentExecution.id) {
    return { currentExecution: execution, approvals, isExecuting }
  }
  const items = [...itemsOf(execution.items)]
  return {
    currentExecution: execution,
    thinkingSteps: kept(before.thinkingSteps, items.filter(isThought)),
    toolCalls: kept(before.toolCalls, items.filter(isCall)),
    approvals,
    isExecuting,
  }
}

const isThought = (item: Item): item is TextItem => item.kind === 'thinking'
const isCall = (item: Item): item is CallItem => item.kind === 'call'

function kept<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  const isSame = before.length === after.length && before.every((item, index) => item === after[index])
  return isSame ? before : after
}
