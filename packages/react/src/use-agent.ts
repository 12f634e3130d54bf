/** Hooks for executions, over one store. */
import type { ExecuteBody } from '@millrace/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useStore } from 'zustand/react'
import type { AgentState, Execution } from './agent-store.ts'
import { useMillrace } from './provider.ts'
import { named } from './use-run.ts'
import { useMounted } from './use-started.ts'

/** The execution that is shown; with a selector, a part of it. */
export function useAgentStore(): AgentState
export function useAgentStore<Part>(select: (state: AgentState) => Part): Part
export function useAgentStore<Part>(select?: (state: AgentState) => Part) {
  const { store } = useMillrace()
  return useStore(store, select ?? (whole as (state: AgentState) => Part))
}

const whole = (state: AgentState) => state

/** Follows an execution into the store while it is mounted. Null: none. */
export function useAgentSSE(executionId: string | null | undefined) {
  const { store } = useMillrace()
  useEffect(
    () => (executionId == null ? undefined : store.getState().subscribeToExecution(executionId)),
    [store, executionId],
  )
  const connectionStatus = useStore(store, (state) => state.connectionStatus)
  const error = useStore(store, (state) => state.error)
  const retry = useStore(store, (state) => state.retry)
  return useMemo(() => ({ connectionStatus, error, retry }), [connectionStatus, error, retry])
}

export type ExecutionOptions = Omit<ExecuteBody, 'task' | 'context'>

export interface AgentExecution {
  /** Starts an execution and follows it into the store. Returns its id. */
  startExecution(task: string, context?: ExecuteBody['context'], options?: ExecutionOptions): Promise<string>
  /** Stops the work, not only the stream. */
  cancelExecution(): Promise<void>
  currentExecution: Execution | null
  isExecuting: boolean
  /** Why it could not be started or cancelled, did not complete, or cannot be followed. */
  error: string | null
}

export function useAgentExecution(): AgentExecution {
  const { client, store } = useMillrace()
  const [startedId, setStartedId] = useState<string | null>(null)
  const [ownError, setOwnError] = useState<string | null>(null)
  const [isStarting, setStarting] = useState(false)
  const mounted = useMounted()
  useAgentSSE(startedId)

  const startExecution = useCallback<AgentExecution['startExecution']>(
    async (task, context, options = {}) => {
      setStarting(true)
      setOwnError(null)
      try {
        const { executionId } = await client.execute({
          task,
          ...(context === undefined ? {} : { context }),
          ...options,
        })
        if (mounted.current) setStartedId(executionId)
        return executionId
      } catch (error) {
        if (mounted.current) setOwnError((error as Error).message)
        throw error
      } finally {
        if (mounted.current) setStarting(false)
      }
    },
    [client, mounted],
  )
  const currentExecution = useStore(store, (state) => state.currentExecution)
  const isFollowed = useStore(store, (state) => state.isExecuting)
  const followError = useStore(store, (state) => state.error)
  const currentId = currentExecution?.id ?? startedId
  const cancelExecution = useCallback(async () => {
    setOwnError(null)
    try {
      await client.cancel(named(currentId))
    } catch (error) {
      if (mounted.current) setOwnError((error as Error).message)
      throw error
    }
  }, [client, currentId, mounted])
  return {
    startExecution,
    cancelExecution,
    currentExecution,
    isExecuting: isStarting || isFollowed,
    error: ownError ?? followError,
  }
}
