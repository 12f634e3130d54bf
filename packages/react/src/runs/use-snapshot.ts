import type { RunKind } from '@millrace/protocol'
import { useCallback, useSyncExternalStore } from 'react'
import { useSources } from '#provider'
import { connectingSnapshot, idleSnapshot, type RunSnapshot } from '#sources/run-source'

export interface FollowedRun extends RunSnapshot {
  /** After `failed`: tries again from the last event. */
  retry(): void
}

/** Follows a run for as long as the component is mounted. Null follows nothing. */
export function useSnapshot(
  runId: string | null,
  { kind, record = false }: { kind?: RunKind | undefined; record?: boolean } = {},
): FollowedRun {
  const sources = useSources()
  const subscribe = useCallback(
    (notify: () => void) => (runId === null ? () => {} : sources.subscribe(runId, notify, { kind, record })),
    [sources, runId, kind, record],
  )
  const snapshot = useSyncExternalStore(
    subscribe,
    () => sources.snapshot(runId),
    () => (runId === null ? idleSnapshot : connectingSnapshot),
  )
  const retry = useCallback(() => {
    if (runId !== null) sources.retry(runId)
  }, [sources, runId])
  return { ...snapshot, retry }
}
