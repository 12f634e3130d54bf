import { ClientError } from '@millrace/client'
import { useState } from 'react'

/** One call at a time; what it was refused for is kept until the next. */
export function useAction() {
  const [isPending, setPending] = useState(false)
  const [error, setError] = useState<ClientError | null>(null)
  const perform = async (action: () => Promise<unknown>): Promise<boolean> => {
    setPending(true)
    setError(null)
    try {
      await action()
      return true
    } catch (thrown) {
      if (!(thrown instanceof ClientError)) throw thrown
      setError(thrown)
      return false
    } finally {
      setPending(false)
    }
  }
  return { perform, isPending, error }
}
