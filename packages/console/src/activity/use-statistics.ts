import { ClientError, call } from '@millrace/client'
import type { StatisticsResponse } from '@millrace/protocol'
import { useCallback, useEffect, useState } from 'react'
import { connection } from '#app/session.ts'
import { onRunChange, useLive } from '#live/live-store.ts'
import { paced } from '#live/paced.ts'

/** How often the charts are read again while runs change. */
const againMs = 10_000

/** The statistics of the last hours, read again while runs change. */
export function useStatistics(hours: number) {
  const [known, setKnown] = useState<{ statistics: StatisticsResponse | null; error: ClientError | null }>({
    statistics: null,
    error: null,
  })
  const generation = useLive((live) => live.generation)
  const [count, setCount] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation, and `count`, read it again
  useEffect(() => {
    const leave = new AbortController()
    const { signal } = leave
    const read = async () => {
      try {
        const statistics = await call<StatisticsResponse>(connection, {
          path: '/api/statistics',
          query: { hours: String(hours) },
          signal,
        })
        setKnown({ statistics, error: null })
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof ClientError)) throw error
        setKnown((before) => ({ ...before, error }))
      }
    }
    const readSoon = paced(read, againMs, signal)
    readSoon()
    const stop = onRunChange(readSoon)
    return () => {
      stop()
      leave.abort()
    }
  }, [hours, generation, count])
  const retry = useCallback(() => setCount((before) => before + 1), [])
  return { ...known, retry }
}
