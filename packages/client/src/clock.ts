/** Time and chance, as following needs them. Tests replace it. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number
  /** Calls back after `ms`. Returns what cancels that. */
  after(ms: number, callback: () => void): () => void
  /** From 0 to just below 1. */
  random(): number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Rejects with the reason of `signal` as soon as that aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const stop = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** How long the waits between attempts may be, in milliseconds: the first, and the longest. */
export interface Backoff {
  firstMs: number
  maxMs: number
}

export const defaultBackoff: Backoff = { firstMs: 1000, maxMs: 30_000 }

/**
 * The wait after some failed attempts in a row: the first one doubled for each, and the whole of it left to chance, so
 * that many clients that lost the same server do not return at once.
 */
export function waitMs(failed: number, { firstMs, maxMs }: Backoff, random: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(failed, 30)) * random
}
