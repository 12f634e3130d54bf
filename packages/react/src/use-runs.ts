/** A list of runs that stays up to date. */
import type { ListRunsQuery, Run } from '@millrace/protocol'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useMillrace } from './provider.ts'

export interface ShownRuns {
  /** Newest first; null until the first answer. */
  runs: readonly Run[] | null
  /** Of the last request; the runs of the one before stay. */
  error: Error | null
  /** There are older runs than those in the list. */
  hasMore: boolean
  refresh(): Promise<void>
}

export interface RunsOptions {
  /** Between two requests. Default: 2,000; 0: only `refresh` asks. */
  refreshMs?: number
}

const usualRefreshMs = 2000

/** The runs that pass the filter. Asks while it is mounted and the page is visible. */
export function useRuns(
  filter: ListRunsQuery = {},
  { refreshMs = usualRefreshMs }: RunsOptions = {},
): ShownRuns {
  const { client } = useMillrace()
  const key = JSON.stringify(filter)
  const [shown, setShown] = useState<Omit<ShownRuns, 'refresh'> & { key: string }>(() => empty(key))
  const latest = useRef<AbortController | null>(null)

  const refresh = useCallback(async () => {
    latest.current?.abort()
    const controller = new AbortController()
    latest.current = controller
    const { signal } = controller
    try {
      const { runs, nextCursor } = await client.list(JSON.parse(key) as ListRunsQuery, { signal })
      if (!signal.aborted) setShown({ key, runs, error: null, hasMore: nextCursor !== null })
    } catch (error) {
      if (signal.aborted) return
      setShown((before) => ({ ...(before.key === key ? before : empty(key)), error: error as Error }))
    }
  }, [client, key])

  useEffect(() => {
    void refresh()
    const timer = refreshMs > 0 ? setInterval(() => void (isVisible() && refresh()), refreshMs) : undefined
    return () => {
      clearInterval(timer)
      latest.current?.abort()
    }
  }, [refresh, refreshMs])

  const { runs, error, hasMore } = shown.key === key ? shown : empty(key)
  return useMemo(() => ({ runs, error, hasMore, refresh }), [runs, error, hasMore, refresh])
}

const empty = (key: string) => ({ key, runs: null, error: null, hasMore: false })

function isVisible(): boolean {
  return (globalThis as { document?: { visibilityState?: string } }).document?.visibilityState !== 'hidden'
}
