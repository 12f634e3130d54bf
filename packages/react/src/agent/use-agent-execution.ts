import type { ExecuteBody } from '@millrace/client'
import { useCallback, useEffect, useRef } from 'react'
import { useSources } from '#provider'
import { useCalls } from '#runs/use-calls'
import { type CurrentExecution, useAgentStore } from './agent-store.ts'

export interface UsedAgentExecution {
  /** Starts an execution and shows it in `useAgentStore`. Resolves with its id; with null when it was refused. */
  startExecution(
    task: string,
    context?: ExecuteBody['context'],
    more?: Omit<ExecuteBody, 'task' | 'context'>,
  ): Promise<string | null>
  /** Cancels the current execution, also one that is just being started. */
  cancelExecution(): Promise<void>
  currentExecution: CurrentExecution | null
  isExecuting: boolean
  /** Why the last call was refused; else why the execution did not complete or cannot be followed. */
  error: string | null
}

/** Starts and cancels executions. The last one started stays subscribed to until the next, or until unmount. */
export function useAgentExecution(): UsedAgentExecution {
  const sources = useSources()
  const { isPending, error, perform } = useCalls()
  const currentExecution = useAgentStore((state) => state.currentExecution)
  const isExecuting = useAgentStore((state) => state.isExecuting)
  const executionError = useAgentStore((state) => state.error)
  const held = useHeldSubscription()
  const starting = useRef<Promise<string | null> | null>(null)

  const startExecution = useCallback<UsedAgentExecution['startExecution']>(
    (task, context, more = {}) => {
      const body: ExecuteBody = { ...more, task, ...(context === undefined ? {} : { context }) }
      const started = perform(async () => {
        const { executionId } = await sources.client.execute(body)
        // A second start may have overtaken this one: the newer one is shown.
        if (starting.current === started)
          held(() => useAgentStore.getState().subscribeToExecution(executionId, sources))
        return executionId
      })
      starting.current = started
      return started
    },
    [perform, sources, held],
  )
  const cancelExecution = useCallback(async () => {
    const started = await starting.current
    const id = started ?? useAgentStore.getState().currentExecution?.id ?? null
    if (id !== null) await perform(() => sources.client.cancel(id))
  }, [perform, sources])
  return {
    startExecution,
    cancelExecution,
    currentExecution,
    isExecuting: isExecuting || isPending,
    error: error?.message ?? executionError,
  }
}

/** Holds one subscription, until the next one or the end of the component. */
function useHeldSubscription(): (subscribe: () => () => void) => void {
  const isMounted = useRef(false)
  const wanted = useRef<(() => () => void) | null>(null)
  const leave = useRef<(() => void) | null>(null)
  useEffect(() => {
    isMounted.current = true
    // A component that was hidden and is shown again wants what it wanted.
    leave.current = wanted.current?.() ?? null
    return () => {
      isMounted.current = false
      leave.current?.()
      leave.current = null
    }
  }, [])
  return useCallback((subscribe) => {
    if (!isMounted.current) return
    const before = leave.current
    wanted.current = subscribe
    leave.current = subscribe()
    before?.()
  }, [])
}
