/**
 * Streams of runs, as a page that people look at reads them.
 *
 * A hidden tab gives them back, so that twenty open tabs work over the six connections that a browser has to
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
    const response = await base(input, { ...init, signal: AbortSignal.any(signals) })
    // An answer without content (204) may have a body here that no new one may have.
    if (response.status !== 200 || response.body === null) return response
    const { status, statusText, headers } = response
    return new Response(response.body.pipeThrough(inPieces()), { status, statusText, headers })
  }
}

/** About a hundred events: some milliseconds of work. */
const pieceBytes = 16 * 1024

/** A long log arrives at once. It is handed on in pieces, and between them the page has its turn. */
function inPieces(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let sinceTurn = 0
  return new TransformStream({
    async transform(chunk, controller) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        const piece = chunk.subarray(at, at + pieceBytes)
        controller.enqueue(piece)
        sinceTurn += piece.length
        if (sinceTurn < pieceBytes) continue
        sinceTurn = 0
        await otherTask()
      }
    },
  })
}

/** Resolves in another task of the event loop. A timer would wait for milliseconds. */
function otherTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
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
