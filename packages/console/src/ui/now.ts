/** One clock for all that shows time: components that show it together change together. */
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(notify: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now()
    timer = setInterval(() => {
      if (document.visibilityState === 'hidden') return
      now = Date.now()
      for (const listener of listeners) listener()
    }, 1000)
  }
  listeners.add(notify)
  return () => {
    listeners.delete(notify)
    if (listeners.size === 0) clearInterval(timer)
  }
}

/** The time, to the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}
