/** Time as delivery and the runners see it, so that a test can be its master. */
export interface Clock {
  /** Milliseconds, since when is the clock's own affair. */
  now(): number
  /**
   * Calls back once after `ms`, however long; the returned function calls it off. A pending one keeps
   * no process alive.
   */
  after(ms: number, callback: () => void): () => void
}

/** setTimeout holds 31 bits; a longer wait would fire at once. */
const longestWait = 2 ** 31 - 1

function after(ms: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (left: number) => {
    const step = Math.min(left, longestWait)
    timer = setTimeout(() => (left > step ? wait(left - step) : callback()), step)
    timer.unref()
  }
  wait(ms)
  return () => clearTimeout(timer)
}

/** Only differences mean anything, and nobody sets it back. */
export const monotonicClock: Clock = { now: () => performance.now(), after }

/** Milliseconds since the epoch, as they are shown to people. */
export const wallClock: Clock = { now: () => Date.now(), after }
