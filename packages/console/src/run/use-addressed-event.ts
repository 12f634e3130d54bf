/** The event that the address of the page points to: `#<seq>`. */
import { useCallback, useSyncExternalStore } from 'react'

function subscribe(notify: () => void): () => void {
  addEventListener('hashchange', notify)
  return () => removeEventListener('hashchange', notify)
}

function addressed(): number | null {
  const seq = /^#(\d{1,15})$/.exec(location.hash)?.[1]
  return seq === undefined ? null : Number(seq)
}

export function useAddressedEvent(): [number | null, (seq: number | null) => void] {
  const seq = useSyncExternalStore(subscribe, addressed)
  const set = useCallback((next: number | null) => {
    // Replaced, so that the way back leads to the page before and not through every line.
    const address = `${location.pathname}${location.search}${next === null ? '' : `#${next}`}`
    history.replaceState(history.state, '', address)
    dispatchEvent(new HashChangeEvent('hashchange'))
  }, [])
  return [seq, set]
}
