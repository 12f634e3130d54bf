import type { ClientError } from '@millrace/client'
import type { RunChangesResponse } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { useCallback, useEffect, useState } from 'react'

export interface UsedChanges {
  /** Null until they have arrived. */
  changes: RunChangesResponse | null
  error: ClientError | null
  retry(): void
}

/** How long a run is left to work before what it changed is read again. */
const againMs = 3000

/** What a run changed so far; read again while it works. `version` changes when something may have. */
export function useChanges(runId: string, version: number): UsedChanges {
  const client = useClient()
  const [known, setKnown] = useState<Omit<UsedChanges, 'retry'>>({ changes: null, error: null })
  const [count, setCount] = useState(0)
  // A version that arrives while one is being read, or waited for, is read after that: `readVersion` then changes, too.
  const [readVersion, setReadVersion] = useState(-1)
  const isBehind = readVersion !== version
  // biome-ignore lint/correctness/useExhaustiveDependencies: `count` reads it again
  useEffect(() => {
    if (!isBehind) return
    const leave = new AbortController()
    const read = () => {
      client.changes(runId, { signal: leave.signal }).then(
        (changes) => {
          setKnown({ changes, error: null })
          setReadVersion(version)
        },
        (error) => {
          if (leave.signal.aborted) return
          setKnown((before) => ({ ...before, error }))
          setReadVersion(version)
        },
      )
    }
    const timer = setTimeout(read, readVersion === -1 ? 0 : againMs)
    return () => {
      clearTimeout(timer)
      leave.abort()
    }
  }, [client, runId, isBehind, readVersion, count])
  const retry = useCallback(() => {
    setReadVersion(-1)
    setCount((before) => before + 1)
  }, [])
  return { ...known, retry }
}
