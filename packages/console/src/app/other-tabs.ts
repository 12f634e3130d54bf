/**
 * Tabs of one browser share its cookie: no tab may show the runs of one user while it acts as another.
 *
 * A tab that learns who is signed in says so, and each tab that shows somebody else, or nobody, begins anew.
 */
import { basePath } from './address.ts'
import { readSession, useSession } from './session.ts'

/** The user of this tab; null: nobody is signed in; undefined: it is not known. */
function shownUser(): string | null | undefined {
  const session = useSession.getState()
  if (session.status === 'in') return session.server.user
  return session.status === 'out' ? null : undefined
}

/** Keeps this tab in step with the others. Returns what ends that. */
export function followOtherTabs(): () => void {
  const leave = new AbortController()
  // A page that the browser kept for the way back knows nothing of what happened meanwhile.
  addEventListener('pageshow', ({ persisted }) => void (persisted && readSession()), { signal: leave.signal })
  if (globalThis.BroadcastChannel === undefined) return () => leave.abort()
  const channel = new BroadcastChannel(`millrace session ${basePath}`)
  channel.onmessage = ({ data: user }) => {
    const shown = shownUser()
    if (shown !== undefined && shown !== user) location.reload()
  }
  let said: string | null | undefined
  const stop = useSession.subscribe(() => {
    const user = shownUser()
    if (user === undefined || user === said) return
    said = user
    channel.postMessage(user)
  })
  return () => {
    leave.abort()
    stop()
    channel.close()
  }
}
