import type { ClientError } from '@millrace/client'
import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { useSources } from '#provider'
import type { ConnectionStatus } from '#sources/run-source'
import { useAgentStore } from './agent-store.ts'

export interface UsedAgentSSE {
  connectionStatus: ConnectionStatus
  /** Why it is `reconnecting` or `failed`. */
  error: ClientError | null
  /** After `failed`: tries again from the last event. */
  retry(): void
}

/**
 * Shows an execution in `useAgentStore` for as long as the component is mounted. Renders its component only when the
 * connection changes.
 */
export function useAgentSSE(executionId: string | null | undefined): UsedAgentSSE {
  const sources = useSources()
  const id = executionId ?? null
  useEffect(() => {
    if (id === null) return undefined
    return useAgentStore.getState().subscribeToExecution(id, sources.client)
  }, [id, sources])
  const subscribe = useCallback(
    (notify: () => void) => (id === null ? () => {} : sources.subscribe(id, notify, { kind: 'execution' })),
    [id, sources],
  )
  const connectionStatus = useSyncExternalStore(
    subscribe,
    () => sources.snapshot(id).status,
    () => (id === null ? 'idle' : 'connecting'),
  )
  const error = useSyncExternalStore(
    subscribe,
    () => sources.snapshot(id).error,
    () => null,
  )
  const retry = useCallback(() => {
    if (id !== null) sources.retry(id)
  }, [id, sources])
  return { connectionStatus, error, retry }
}
