/** Time as delivery sees it, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds; only differences mean anything. */
  now(): number
  /** Calls back once; the returned function calls it off. A pending one keeps no process alive. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
