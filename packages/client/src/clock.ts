/** Time, as following needs it. Tests put their own in its place. */
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

/** 100 ms, doubled up to 5 s. Half of it is left to chance, so that many clients do not return at once. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(5000, 100 * 2 ** Math.min(attempt, 10))
  return ceiling / 2 + (ceiling / 2) * random
}
