import { type Client, ClientError } from '@millrace/client'
import type { ListRunsQuery, Run } from '@millrace/protocol'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useClient } from '#provider'
import { oneAtATime } from '#sources/one-at-a-time'

export interface UsedRuns {
  /** Newest first. */
  runs: readonly Run[]
  /** There are older ones: `loadMore`. */
  hasMore: boolean
  /** Nothing has arrived yet for this filter. */
  isLoading: boolean
  /** Why the last request failed. What arrived before stays. */
  error: ClientError | null
  loadMore(): void
  refresh(): void
}

/** Who was asked for what. An answer of somebody else, or to another question, is not shown. */
interface Question {
  client: Client
  /** The filter, as JSON. */
  key: string
}

interface Loaded extends Question {
  runs: readonly Run[]
  hasMore: boolean
  error: ClientError | null
}

const nothing: readonly Run[] = []

const unread = (question: Question): Loaded => ({ ...question, runs: nothing, hasMore: false, error: null })

const isAbout = (one: Question | null, { client, key }: Question): boolean =>
  one !== null && one.client === client && one.key === key

/** The runs that pass a filter, read again every `refreshMs` while the page is visible. 0: only on request. */
export function useRuns(
  filter: Omit<ListRunsQuery, 'cursor'> = {},
  { refreshMs = 5000 }: { refreshMs?: number } = {},
): UsedRuns {
  const client = useClient()
  const key = JSON.stringify(filter)
  const [loaded, setLoaded] = useState<Loaded | null>(null)
  const pages = useRef({ client, key, count: 1 })
  const load = useRef(() => {})

  useEffect(() => {
    const question = { client, key }
    const leave = new AbortController()
    let silentUntil = 0
    const reader = oneAtATime(leave.signal, async (signal, heard) => {
      const count = isAbout(pages.current, question) ? pages.current.count : 1
      try {
        const read = await readPages(client, JSON.parse(key) as ListRunsQuery, { count, signal, heard })
        if (!leave.signal.aborted) setLoaded({ ...question, ...read, error: null })
      } catch (failure) {
        if (leave.signal.aborted) return
        if (!(failure instanceof ClientError)) throw failure
        silentUntil = performance.now() + (failure.retryAfterMs ?? 0)
        setLoaded((before) => ({
          ...(before !== null && isAbout(before, question) ? before : unread(question)),
          error: failure,
        }))
      }
    })
    load.current = reader.read
    // As nobody waits for it, it adds nothing to a server that is slow, or that has asked to be left alone.
    const whenVisible = () => {
      if (document.visibilityState === 'visible' && performance.now() >= silentUntil) reader.readIfIdle()
    }
    reader.read()
    const timer = refreshMs > 0 ? setInterval(whenVisible, refreshMs) : undefined
    if (refreshMs > 0) document.addEventListener('visibilitychange', whenVisible)
    return () => {
      leave.abort()
      load.current = () => {}
      clearInterval(timer)
      document.removeEventListener('visibilitychange', whenVisible)
    }
  }, [client, key, refreshMs])

  const refresh = useCallback(() => load.current(), [])
  const loadMore = useCallback(() => {
    const question = { client, key }
    const count = isAbout(pages.current, question) ? pages.current.count : 1
    pages.current = { ...question, count: count + 1 }
    load.current()
  }, [client, key])
  const current = isAbout(loaded, { client, key }) ? loaded : null
  return {
    runs: current?.runs ?? nothing,
    hasMore: current?.hasMore ?? false,
    isLoading: current === null,
    error: current?.error ?? null,
    loadMore,
    refresh,
  }
}

async function readPages(
  client: Client,
  query: ListRunsQuery,
  { count, signal, heard }: { count: number; signal: AbortSignal; heard: () => void },
) {
  const runs: Run[] = []
  let cursor: string | null = null
  for (let page = 0; page < count && (page === 0 || cursor !== null); page++) {
    const answer = await client.list(cursor === null ? query : { ...query, cursor }, { signal })
    heard()
    runs.push(...answer.runs)
    cursor = answer.nextCursor
  }
  return { runs, hasMore: cursor !== null }
}
