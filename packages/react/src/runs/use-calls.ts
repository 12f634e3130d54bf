import type { ClientError } from '@millrace/client'
import { useCallback, useMemo, useState } from 'react'
import { useClient } from '#provider'

export interface Calls {
  /** A call has not been answered yet. */
  isPending: boolean
  /** Why the last call failed. */
  error: ClientError | null
  /** Resolves with what `call` returns; with null when it fails, and then `error` says why. */
  perform<T>(call: () => Promise<T>): Promise<T | null>
}

interface Made {
  /** What the calls were about. Those about something else are not shown. */
  scope: object
  pending: number
  error: ClientError | null
}

/**
 * Calls of a component: how many are pending, and why the last one failed. They are about one client and one run
 * (`runId`, where the calls are about a given one): with another of either, nothing of the earlier calls is shown.
 */
export function useCalls(runId: string | null = null): Calls {
  const client = useClient()
  const scope = useMemo(() => ({ client, runId }), [client, runId])
  const [made, setMade] = useState<Made>({ scope, pending: 0, error: null })
  const perform = useCallback(
    async <T>(call: () => Promise<T>): Promise<T | null> => {
      setMade((before) => ({
        scope,
        pending: (before.scope === scope ? before.pending : 0) + 1,
        error: null,
      }))
      const settle = (change: (before: Made) => Made) =>
        setMade((before) => (before.scope === scope ? change(before) : before))
      try {
        return await call()
      } catch (failure) {
        settle((before) => ({ ...before, error: failure as ClientError }))
        return null
      } finally {
        settle((before) => ({ ...before, pending: before.pending - 1 }))
      }
    },
    [scope],
  )
  const current = made.scope === scope ? made : null
  return { isPending: current !== null && current.pending > 0, error: current?.error ?? null, perform }
}
