/** Time as the server sees it, so that a test can drive it. */
export interface Clock {
  /** Milliseconds since a moment of the clock's own choosing. */
  now(): number
  /**
   * Calls back once after `ms`, however long; the returned function calls it off. A pending call keeps
   * no process alive.
   */
  after(ms: number, callback: () => void): () => void
}

/** setTimeout holds 31 bits; a longer wait would fire at once. */
const timeoutMsMax = 2 ** 31 - 1

function after(ms: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (left: number) => {
    const step = Math.min(left, timeoutMsMax)
    timer = setTimeout(() => (left > step ? wait(left - step) : callback()), step)
    timer.unref()
  }
  wait(ms)
  return () => clearTimeout(timer)
}

/** Only differences mean anything; it never goes back. */
export const monotonicClock: Clock = { now: () => performance.now(), after }

/** Milliseconds since the epoch, as shown to people. */
export const wallClock: Clock = { now: () => Date.now(), after }
