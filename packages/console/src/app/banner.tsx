/** Says that the server cannot be reached, once that has lasted a moment. */
import { useEffect, useState } from 'react'
import { useLive } from '#live/live-store.ts'

/** A restart of the server, or a tab that comes back, takes less. */
const patienceMs = 2000

export function ConnectionBanner() {
  const { status } = useLive()
  const isLost = status === 'reconnecting'
  const [isShown, setShown] = useState(false)
  useEffect(() => {
    if (!isLost) return setShown(false)
    const timer = setTimeout(() => setShown(true), patienceMs)
    return () => clearTimeout(timer)
  }, [isLost])
  return (
    <div role="status">
      {isShown && (
        <p className="border-b border-line bg-wait-soft px-4 py-1.5 text-[12px] text-wait">
          Connection lost. What is shown may be out of date; reconnecting…
        </p>
      )}
    </div>
  )
}
