/**
 * A hidden tab gives the streams of its runs back, so that twenty open tabs work over the six connections that a browser has to
 * one server. When it is shown again, the client reconnects where it was.
 */

/** How long a tab may be hidden before it lets go: long enough for a glance at another tab. */
const graceMs = 5000

const isHidden = () => document.visibilityState === 'hidden'

/** Wraps `fetch`: a request for a stream waits while the tab is hidden, and its answer breaks off when the tab is hidden for long. */
export function visibleStreams(base: typeof fetch): typeof fetch {
  return async (input, init) => {
    const accept = new Headers(init?.headers).get('accept') ?? ''
    if (accept !== 'text/event-stream' || !String(input).includes('/events')) return base(input, init)
    await untilShown(init?.signal)
    const leave = new AbortController()
    const signals = [leave.signal, init?.signal].filter((signal) => signal != null)
    watch(leave)
    init?.signal?.addEventListener('abort', () => leave.abort(), { once: true })
    return base(input, { ...init, signal: AbortSignal.any(signals) })
  }
}

function untilShown(signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!isHidden()) return resolve()
    const settle = () => {
      if (!signal?.aborted && isHidden()) return
      document.removeEventListener('visibilitychange', settle)
      signal?.removeEventListener('abort', settle)
      if (signal?.aborted) reject(signal.reason)
      else resolve()
    }
    document.addEventListener('visibilitychange', settle)
    signal?.addEventListener('abort', settle)
  })
}

/** Aborts once the tab has been hidden for `graceMs`. Listeners go when it does, or with the page. */
function watch(leave: AbortController): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    clearTimeout(timer)
    if (isHidden()) timer = setTimeout(() => leave.abort(), graceMs)
  }
  document.addEventListener('visibilitychange', look, { signal: leave.signal })
  look()
}
