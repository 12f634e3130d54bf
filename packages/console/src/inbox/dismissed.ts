/** Failures that the user has seen: this browser remembers which. */
import { create } from 'zustand'

const key = 'millrace.dismissed'
const most = 500

function read(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '[]')
    return Array.isArray(stored) ? stored.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}

export const useDismissed = create<{ ids: ReadonlySet<string> }>(() => ({ ids: new Set(read()) }))

export function dismiss(...runIds: string[]): void {
  const ids = [...new Set([...useDismissed.getState().ids, ...runIds])].slice(-most)
  useDismissed.setState({ ids: new Set(ids) })
  try {
    localStorage.setItem(key, JSON.stringify(ids))
  } catch {
    // It lasts as long as the page.
  }
}

// Another tab of this browser dismissed one.
globalThis.addEventListener?.('storage', (event) => {
  if (event.key === key) useDismissed.setState({ ids: new Set(read()) })
})
