import type { ExecuteBody } from '@millrace/client'
import { useCallback, useEffect, useState } from 'react'
import { useClient } from '#provider'
import { useCalls } from '#runs/use-calls'
import { type CurrentExecution, currentClient, useAgentStore } from './agent-store.ts'
import { StartedExecutions } from './started-executions.ts'

export interface UsedAgentExecution {
  /** Starts an execution and shows it in `useAgentStore`. Resolves with its id; with null when it was refused. */
  startExecution(
    task: string,
    context?: ExecuteBody['context'],
    more?: Omit<ExecuteBody, 'task' | 'context'>,
  ): Promise<string | null>
  /** Cancels what is being started here, as soon as it has an id; else the execution that the store shows. */
  cancelExecution(): Promise<void>
  currentExecution: CurrentExecution | null
  isExecuting: boolean
  /** Why the last call was refused; else why the execution did not complete or cannot be followed. */
  error: string | null
}

/** Starts and cancels executions. The last one started stays subscribed to until the next, or until unmount. */
export function useAgentExecution(): UsedAgentExecution {
  const client = useClient()
  const { isPending, error, perform } = useCalls()
  const currentExecution = useAgentStore((state) => state.currentExecution)
  const isExecuting = useAgentStore((state) => state.isExecuting)
  const executionError = useAgentStore((state) => state.error)
  // State, not a memo: React and hot reloads may drop a memo, and what was started must not be forgotten.
  const [held, hold] = useState(() => new StartedExecutions(client))
  const started = held.client === client ? held : new StartedExecutions(client)
  if (started !== held) hold(started)
  useEffect(() => started.mount(), [started])

  const startExecution = useCallback<UsedAgentExecution['startExecution']>(
    (task, context, more = {}) =>
      perform(() => started.start({ ...more, task, ...(context === undefined ? {} : { context }) })),
    [perform, started],
  )
  const cancelExecution = useCallback(async () => {
    const starting = await started.starting()
    if (starting.length > 0) {
      await Promise.all(starting.map((id) => perform(() => client.cancel(id))))
      return
    }
    const id = useAgentStore.getState().currentExecution?.id ?? null
    // It may be another provider's: the client that follows it is the one that may cancel it.
    if (id !== null) await perform(() => (currentClient() ?? client).cancel(id))
  }, [perform, started, client])
  return {
    startExecution,
    cancelExecution,
    currentExecution,
    isExecuting: isExecuting || isPending,
    error: error?.message ?? executionError,
  }
}
