import { useClient } from '@millrace/react'
import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react'
import { onRunChange, useLive } from '#live/live-store.ts'
import type { RunFilter } from './filter.ts'
import { type ListState, RunList } from './run-list.ts'

export interface UsedRunList extends ListState {
  loadMore(): void
  reload(): void
}

/** The runs that pass a filter, as they are now. */
export function useRunList(filter: RunFilter): UsedRunList {
  const client = useClient()
  const key = JSON.stringify(filter)
  const list = useMemo(() => new RunList(client, JSON.parse(key) as RunFilter), [client, key])
  const generation = useLive((live) => live.generation)
  const state = useSyncExternalStore(
    useCallback((notify) => list.subscribe(notify), [list]),
    () => list.state,
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that changes were missed
  useEffect(() => {
    void list.load()
    return () => list.close()
  }, [list, generation])
  useEffect(() => onRunChange((change) => list.apply(change)), [list])
  const loadMore = useCallback(() => void list.loadMore(), [list])
  const reload = useCallback(() => void list.load(), [list])
  return { ...state, loadMore, reload }
}
