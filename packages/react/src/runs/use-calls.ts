import type { ClientError } from '@millrace/client'
import { useCallback, useEffect, useRef, useState } from 'react'

export interface Calls {
  /** A call has not been answered yet. */
  isPending: boolean
  /** Why the last call failed. */
  error: ClientError | null
  /** Resolves with what `call` returns; with null when it fails, and then `error` says why. */
  perform<T>(call: () => Promise<T>): Promise<T | null>
}

/** Calls of a component: how many are pending, and why the last one failed. An answer after its end changes nothing. */
export function useCalls(): Calls {
  const [pending, setPending] = useState(0)
  const [error, setError] = useState<ClientError | null>(null)
  const isMounted = useRef(false)
  useEffect(() => {
    isMounted.current = true
    return () => {
      isMounted.current = false
    }
  }, [])
  const perform = useCallback(async <T>(call: () => Promise<T>): Promise<T | null> => {
    setPending((count) => count + 1)
    setError(null)
    try {
      return await call()
    } catch (failure) {
      if (isMounted.current) setError(failure as ClientError)
      return null
    } finally {
      if (isMounted.current) setPending((count) => count - 1)
    }
  }, [])
  return { isPending: pending > 0, error, perform }
}
