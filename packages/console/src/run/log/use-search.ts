import { useClient } from '@millrace/react'
import { useEffect, useRef, useState } from 'react'
import { noSearch, type SearchState, search } from './search.ts'

/** Typing is followed by a search when it pauses; a log that grows is searched further at intervals. */
const typingMs = 250
const growingMs = 2000

/** What a search has found so far. `head` is how far the log reaches. */
export function useSearch(runId: string, text: string, head: number): SearchState {
  const client = useClient()
  const [found, setFound] = useState<{ text: string; state: SearchState }>({ text: '', state: noSearch })
  const latest = useRef(found)
  latest.current = found
  const isComplete = found.text === text && (found.state.isFull || found.state.searchedTo >= head)
  useEffect(() => {
    if (text === '' || isComplete) return
    const leave = new AbortController()
    const isNew = latest.current.text !== text
    const before = isNew ? noSearch : latest.current.state
    const report = (state: SearchState) => setFound({ text, state })
    const timer = setTimeout(
      () => void search(client, runId, text, before, { signal: leave.signal, report }),
      isNew ? typingMs : growingMs,
    )
    return () => {
      clearTimeout(timer)
      leave.abort()
    }
  }, [client, runId, text, isComplete])
  if (text === '') return noSearch
  return found.text === text ? found.state : { ...noSearch, isSearching: true }
}
